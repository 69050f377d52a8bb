"""Secrets that anybody could guess."""

from service.domain.local_secrets import is_local

#: What examples, tutorials and images of servers have for passwords; production refuses to start with one.
_PLACEHOLDERS = frozenset(
    {"", "123456", "12345678", "admin", "autos", "changeme", "change-me", "change_me", "default", "dev", "development"}
    | {"docker", "example", "local", "localhost", "minio123", "minioadmin", "pass", "passwd", "password", "postgres"}
    | {"redis", "root", "secret", "test", "user"}
)
_WORDS = ("change", "default", "develop", "example", "password", "placeholder", "replace", "secret")
_DISTINCT = 8  # characters; 24 random hexadecimal digits have fewer once in 40,000 times


def is_placeholder(secret: str, user: str = "") -> bool:
    """Whether a secret is one of development or of an example, or the name of its user."""
    return is_local(secret) or secret.lower() in _PLACEHOLDERS | {user.lower()}


def looks_random(key: str) -> bool:
    """False for what people type: a word of theirs, or the same few characters. A random key passes in practice."""
    return len(set(key)) >= _DISTINCT and not any(word in key.lower() for word in _WORDS)
