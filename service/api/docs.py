"""`/openapi.json` and `/docs`: the document of the API, for programs and for people."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from service.api.framework.operations import Reply, Tag, public
from service.api.framework.state import ApiRequest
from service.domain.version import VERSION

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Autos: API reference</title>
<link rel="icon" href="docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
<div id="api"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
# Without a validator, which would send the document to a third party.
_START = """\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""
#: The page runs scripts of this service and calls only this service. Swagger UI needs inline styles and data: images.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class RootView(msgspec.Struct, frozen=True):
    """What this service is, and where to read on."""

    name: Annotated[str, Meta(description="`Autos`.")]
    version: Annotated[str, Meta(description="The version of the service.")]
    docs: Annotated[str, Meta(description="The URL of the page for people.")]
    openapi: Annotated[str, Meta(description="The URL of the document for programs.")]
    health: Annotated[str, Meta(description="The URL that says whether the service is ready.")]


@public(
    "docs_root",
    Tag.REFERENCE,
    Reply(200, "Where to read on."),
    Reply(307, "To the console, for browsers; to `/docs` if there is none.", media_type=None, headers=("Location",)),
)
async def root(request: ApiRequest) -> RootView | Response:
    """What this is, and where its documentation is.

    A browser is redirected to the page.
    """
    if "text/html" in request.headers.get("Accept", ""):
        # Relative: a proxy may serve the API below another path.
        to = "console" if request.state["options"].has_console else "docs"
        return Response(status_code=307, headers={"Location": to})
    url = request.state["options"].public_url
    return RootView("Autos", VERSION, f"{url}/docs", f"{url}/openapi.json", f"{url}/health/ready")


@public("docs_openapi", Tag.REFERENCE)
async def openapi(request: ApiRequest) -> Response:
    """This document, for programs."""
    return Response(request.state["openapi"](), media_type="application/json")


@public("docs_page", Tag.REFERENCE, Reply(200, "The page.", media_type="text/html"))
async def page(_request: ApiRequest) -> Response:
    """This document, readable in a browser."""
    return Response(_PAGE, 200, {"Content-Security-Policy": _POLICY}, "text/html")


@public("docs_start", Tag.REFERENCE, Reply(200, "The script.", media_type="text/javascript"))
async def start(_request: ApiRequest) -> Response:
    """The script of the page."""
    return Response(_START, media_type="text/javascript")
