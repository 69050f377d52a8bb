"""Headers that restrict what browsers do with a response, and CORS: which websites may read one."""

from collections.abc import Mapping, Sequence

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: A handler that sets one of them keeps its own value: the documentation page needs another policy.
SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
#: Only in production: a browser that has seen it will not speak plain HTTP with this host for a year.
HTTPS_ONLY: Mapping[str, str] = {"Strict-Transport-Security": "max-age=31536000"}

_EXPOSED = ("X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After", "ETag")
_PREFLIGHT_SECONDS = 600


class SecurityHeadersMiddleware:
    """Adds the headers to every response. Pure ASGI, around the whole application."""

    def __init__(self, app: ASGIApp, *, is_https_only: bool) -> None:
        self._app = app
        self._headers = {**SECURITY_HEADERS, **HTTPS_ONLY} if is_https_only else SECURITY_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through, and add the missing headers to the start of a response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def allow_origins(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Let pages of these origins (`*`: of all) read responses. Without origins, return the application as it is.

    The API uses no cookies, so CORS credentials stay off: a page needs an API key of its own.
    """
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=("Authorization", "Content-Type", "If-None-Match", "X-Request-ID"),
        expose_headers=_EXPOSED,
        max_age=_PREFLIGHT_SECONDS,
    )
