"""JSON answers."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Encode a typed value. Not to be stored: answers hold signed links."""
    content = msgspec.json.encode(value)
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")
