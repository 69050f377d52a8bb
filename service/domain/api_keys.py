"""API keys: what one looks like, and what is kept of it."""

import hashlib
import secrets

PREFIX = "autos_"
HINT_LENGTH = 4  # characters


def new_api_key() -> str:
    """256 random bits with a prefix that secret scanners can recognise."""
    return PREFIX + secrets.token_urlsafe(32)


def key_hash(api_key: str) -> bytes:
    """SHA-256: what the database keeps of a key. The key is random, so a slow hash would add nothing."""
    return hashlib.sha256(api_key.encode()).digest()


def key_hint(api_key: str) -> str:
    """By what its owner tells a key from the others; 24 of its 256 bits."""
    return api_key[-HINT_LENGTH:]
