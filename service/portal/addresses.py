"""Resolves the address of a listed document to a URL of the portal's API, or refuses it."""

from yarl import URL

from service.domain.errors import ErrorCode
from service.portal.errors import AddressRefused

_COLLECTION = "processos/"  # start of an address without its first slash


def resolve(base: URL, href: str) -> URL:
    """Return the URL of `href`: a full URL, a path below the API, or a path that includes the API's own path.

    Raises `AddressRefused` if the URL is outside the API: the token must not be sent there.
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
    """True if `url` has the scheme, host and port of the API, is below its path, and has no credentials.

    aiohttp refuses to send credentials of a URL together with the header that has the token.
    """
    same_origin = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
    below = url.path.startswith(f"{base.path.rstrip('/')}/") and ".." not in url.path.split("/")
    return same_origin and below and url.user is None and url.password is None
