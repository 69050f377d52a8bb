"""`/openapi.json` and `/docs`: the document of the API, for programs and for people."""

from starlette.responses import Response

from service.api.operations import Reply, public
from service.api.state import ApiRequest

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
# Without a validator, which would send the document to somebody else.
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
#: The page runs its own scripts, asks this service, and nobody else. Swagger UI sets styles and images of its own.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@public()
async def openapi(request: ApiRequest) -> Response:
    """This document, for programs."""
    return Response(request.state["openapi"](), media_type="application/json")


@public(Reply(200, "The page.", media_type="text/html"))
async def page(_request: ApiRequest) -> Response:
    """This document, readable in a browser."""
    return Response(_PAGE, 200, {"Content-Security-Policy": _POLICY}, "text/html")


@public(Reply(200, "The script.", media_type="text/javascript"))
async def start(_request: ApiRequest) -> Response:
    """The script of the page."""
    return Response(_START, media_type="text/javascript")
