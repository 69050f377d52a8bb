"""The files that pages load. They need no session: they are the same for everybody."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.console.framework.assets import ASSET_TYPES, asset

_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"  # the file of another version: a page of before may ask for it during a release


async def file(request: Request) -> Response:
    """A file, or 304 if the browser has it."""
    name = request.path_params["name"]
    if name not in ASSET_TYPES:
        raise HTTPException(404)
    found = asset(name)
    is_current = request.path_params["digest"] == found.digest
    headers = {"ETag": f'"{found.digest}"', "Cache-Control": _FOREVER if is_current else _ASK_AGAIN}
    if headers["ETag"] in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.content, 200, headers, found.media_type)
