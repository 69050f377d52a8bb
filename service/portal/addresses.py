"""Where the address of a listed document leads: to the portal's API, or nowhere."""

from yarl import URL

from service.domain.errors import ErrorCode
from service.portal.errors import AddressRefused

_COLLECTION = "processos/"  # how an address begins whose first slash is missing


def resolve(base: URL, href: str) -> URL:
    """The URL of an address, written in full, below the API, or with the API's own path.

    Raises `AddressRefused` for what leads anywhere else: the token must not go there.
    """
    try:
        url = _url(base, href.strip())
        inside = _contains(base, url)
    except ValueError as error:
        raise AddressRefused(ErrorCode.ADDRESS_REFUSED, "the address cannot be read") from error
    if not inside:
        raise AddressRefused(ErrorCode.ADDRESS_REFUSED, "the address leaves the portal")
    return url


def _url(base: URL, href: str) -> URL:
    api = base.path.rstrip("/")
    starts = (_COLLECTION, f"{api.removeprefix('/')}/") if api else (_COLLECTION,)
    path = f"/{href}" if href.startswith(starts) else href
    if not path.startswith("/") or path.startswith("//"):
        return URL(path)
    has_api = api and path.startswith(f"{api}/")
    return URL(f"{base.origin() if has_api else str(base).rstrip('/')}{path}")


def _contains(base: URL, url: URL) -> bool:
    """Same scheme, host and port, below the path of the API. Credentials would take the place of the token."""
    same_origin = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
    below = url.path.startswith(f"{base.path.rstrip('/')}/") and ".." not in url.path.split("/")
    return same_origin and below and url.user is None and url.password is None
