"""API keys: their format, and the parts that the database keeps."""

import hashlib
import secrets

KEY_PREFIX = "autos_"
HINT_LENGTH = 4  # characters


def new_api_key() -> str:
    """256 random bits with a prefix that secret scanners can recognise."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def key_hash(api_key: str) -> bytes:
    """SHA-256; the database keeps this and not the key. The key is random, so a slow hash would add nothing."""
    return hashlib.sha256(api_key.encode()).digest()


def key_hint(api_key: str) -> str:
    """The last characters, by which the owner recognises a key. They show 24 of its 256 bits."""
    return api_key[-HINT_LENGTH:]
