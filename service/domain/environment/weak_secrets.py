"""Recognizes secrets that are easy to guess, and marks those that this program makes for a local stack."""

#: Production refuses secrets that begin with it.
LOCAL_PREFIX = "autos_local_"
#: Passwords of examples, tutorials and server images. Production refuses to start with one.
_PLACEHOLDERS = frozenset(
    {"", "123456", "12345678", "admin", "autos", "changeme", "change-me", "change_me", "default", "dev", "development"}
    | {"docker", "example", "local", "localhost", "minio123", "minioadmin", "pass", "passwd", "password", "postgres"}
    | {"redis", "root", "secret", "test", "user"}
)
_WORDS = ("change", "default", "develop", "example", "password", "placeholder", "replace", "secret")
_DISTINCT = 8  # different characters; one of 40,000 random keys of 24 hexadecimal digits has fewer


def mark_local(secret: str) -> str:
    """The secret with the prefix that production refuses."""
    return LOCAL_PREFIX + secret


def is_local(secret: str) -> bool:
    """Whether the secret was generated for a local stack."""
    return secret.startswith(LOCAL_PREFIX)


def is_placeholder(secret: str, user: str = "") -> bool:
    """True if a secret is for development, comes from an example, or is the name of its user."""
    return is_local(secret) or secret.lower() in _PLACEHOLDERS | {user.lower()}


def looks_random(key: str) -> bool:
    """False for a key with a common word or with few different characters. Nearly every random key passes."""
    return len(set(key)) >= _DISTINCT and not any(word in key.lower() for word in _WORDS)
