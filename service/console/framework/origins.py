"""Where a form comes from. Browsers say it in headers that no page can change, so forms need no secret of their own."""

from urllib.parse import urlsplit

from service.api.framework.state import ApiRequest
from service.console.framework.refusal import Refusal

_OWN_SITE = frozenset({"same-origin", "none"})  # `none`: typed, or sent again by the person


def is_from_elsewhere(request: ApiRequest) -> bool:
    """Whether another site led here, by `Sec-Fetch-Site`. Browsers that do not send it are older than 2023."""
    return request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITE


def check_origin(request: ApiRequest) -> None:
    """Raise `Refusal` (403) for a form of another site.

    A client that sends neither `Sec-Fetch-Site` nor `Origin` is no browser, so no page made it send the form.
    """
    origin = request.headers.get("Origin")
    if is_from_elsewhere(request) or (origin is not None and not _is_own(request, origin)):
        raise Refusal("forbidden", "This form came from another site.", advice="problem.403.origin")


def _is_own(request: ApiRequest, origin: str) -> bool:
    options = request.state["options"]
    public = urlsplit(options.public_url)
    if origin == f"{public.scheme}://{public.netloc}":
        return True
    given = _parsed(origin)
    is_encrypted = given[0] == "https" or not options.is_production
    return is_encrypted and given[1] == request.headers.get("Host")


def _parsed(origin: str) -> tuple[str, str]:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc
