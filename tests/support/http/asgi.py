"""Requests to an ASGI application, without a server."""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp


async def get(
    application: ASGIApp, path: str, headers: Mapping[str, str], *, query: bytes = b"", state: Mapping[str, Any]
) -> list[Any]:
    """Send one GET; returns the messages of the answer."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "state": dict(state),
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    await application(scope, receive, send)
    return sent
