"""The URLs of servers in the environment: which settings have one, and with which schemes."""

from collections.abc import Mapping
from urllib.parse import urlsplit

URL_SCHEMES: Mapping[str, tuple[str, ...]] = {
    "REDIS_URL": ("redis", "rediss", "unix"),
    "PDPJ_BASE_URL": ("https", "http"),
    "PDPJ_TOKEN_URL": ("https", "http"),
    "PDPJ_PROXY_URL": ("http", "https"),
    "PUBLIC_URL": ("https", "http"),
    "S3_ENDPOINT_URL": ("https", "http"),
    "S3_PUBLIC_ENDPOINT_URL": ("https", "http"),
}


def url_fault(value: str, schemes: tuple[str, ...]) -> str | None:
    """What is wrong with a URL that needs one of some schemes; None if it is fine. Does not repeat the URL."""
    try:
        parts = urlsplit(value)
        is_complete = bool(parts.netloc or parts.scheme == "unix") and parts.port != 0
    except ValueError:
        return "it is not a URL"
    if parts.scheme not in schemes or not is_complete:
        return f"it must be a URL that starts with {schemes[0]}://"
    return None
