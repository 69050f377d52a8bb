"""How the secrets that this program makes for one machine's stack are told from those of a real service."""

LOCAL_PREFIX = "autos_local_"


def mark_local(secret: str) -> str:
    """The secret with the prefix by which production refuses it."""
    return LOCAL_PREFIX + secret


def is_local(secret: str) -> bool:
    """Whether the secret was made for a stack on one machine."""
    return secret.startswith(LOCAL_PREFIX)
