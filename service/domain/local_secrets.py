"""A mark on the secrets that this program generates for a local stack, so that production can refuse them."""

LOCAL_PREFIX = "autos_local_"


def mark_local(secret: str) -> str:
    """The secret with the prefix that production refuses."""
    return LOCAL_PREFIX + secret


def is_local(secret: str) -> bool:
    """Whether the secret was generated for a local stack."""
    return secret.startswith(LOCAL_PREFIX)
