"""The PDPJ portal: list a case, stream a document. Nothing here knows of jobs or of the object store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from copy import copy
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import aiohttp
import msgspec
from yarl import URL

from service.domain.errors import ErrorCode
from service.domain.listings import Listing
from service.domain.process_number import ProcessNumber
from service.metrics import Metrics
from service.portal.download import Download, read_body, transport_errors
from service.portal.errors import (
    AccessDenied,
    AddressRefused,
    Busy,
    NotFound,
    PortalError,
    Refused,
    Unauthorized,
    Unavailable,
)
from service.portal.gate import Gate, Pass
from service.portal.listing import parse_listing
from service.portal.pages import is_portal_page
from service.portal.token import TokenSource

LISTING_MAX_BYTES = 64 * 1024 * 1024
ERROR_MAX_BYTES = 64 * 1024
CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds without a single byte
RETRY_AFTER_MAX = 600.0  # seconds; beyond that the job is put away and taken up again
Kind = Literal["listing", "document"]


class PortalClient:
    """Calls the portal with one token. Redirects are never followed, so that the token goes nowhere else."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        base_url: str,
        tokens: TokenSource,
        user_agent: str,
        gate: Gate,
        slow_down: Callable[[float], Awaitable[None]],
        metrics: Metrics,
    ) -> None:
        """Take the token from `tokens`, a place from `gate`, and tell `slow_down` the seconds the portal asked for."""
        self._session = session
        self._base = URL(base_url.rstrip("/"))
        self._tokens = tokens
        self._gate: Gate | Pass = gate
        self._slow_down = slow_down
        self._metrics = metrics
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "*/*",
            # A compressed document could not be compared with its size; asking for none is asking for trouble.
            "Accept-Encoding": "identity",
        }

    def with_pass(self, passing: Pass) -> "PortalClient":
        """The same client for the requests of one job, which pass the gate as those of its user."""
        client = copy(self)
        client._gate = passing  # noqa: SLF001  (of this class)
        return client

    async def list_process(self, number: ProcessNumber, *, timeout: float) -> Listing:
        """Ask for a case, for at most `timeout` seconds.

        Raises `NotFound`, `AccessDenied`, or `Unavailable` for everything that may pass.
        """
        with self._counted("listing"):
            content_type, charset, body = await self._listing(self._base / "processos" / number.masked, timeout)
            _refuse_page(content_type, body[:4096])
            return parse_listing(body, number, charset=charset)

    async def _listing(self, url: URL, timeout: float) -> tuple[str, str | None, bytes]:
        unlimited = aiohttp.ClientTimeout(total=None)
        try:
            # Of the wait for a place at the portal too.
            async with asyncio.timeout(timeout), self._call("listing", url, unlimited) as response:
                return response.content_type, response.charset, await read_body(response, LISTING_MAX_BYTES)
        except TimeoutError as error:
            raise Unavailable(ErrorCode.PORTAL_UNAVAILABLE, "no listing in time") from error

    @asynccontextmanager
    async def open_document(self, href: str) -> AsyncIterator[Download]:
        """Start a document's bytes. The headers were judged; the bytes are the caller's to judge.

        Raises `Refused` or `Unavailable`, here and while the bytes are read.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT)
        with self._counted("document"):
            async with self._call("document", self._resolve(href), timeout) as response:
                if response.headers.get("Content-Encoding", "").strip().lower() not in {"", "identity"}:
                    raise Unavailable(ErrorCode.ENCODING_REFUSED, "the document came compressed")
                yield Download(response)

    @contextmanager
    def _counted(self, kind: Kind) -> Iterator[None]:
        """Count what comes of a call, the caller's judgement of the bytes included. One that is given up is none."""
        try:
            yield
        except PortalError as error:
            self._metrics.portal_calls.labels(kind, error.outcome).inc()
            raise
        self._metrics.portal_calls.labels(kind, "ok").inc()

    def _resolve(self, href: str) -> URL:
        try:
            path = href if href.startswith("/") and not href.startswith("//") else None
            url = URL(f"{self._base}{path}") if path else URL(href)
            inside = self._contains(url)
        except ValueError as error:
            raise AddressRefused(ErrorCode.ADDRESS_REFUSED, "the address cannot be read") from error
        if not inside:
            raise AddressRefused(ErrorCode.ADDRESS_REFUSED, "the address leaves the portal")
        return url

    def _contains(self, url: URL) -> bool:
        """Same scheme, host and port, below the path of the API. Credentials would take the place of the token."""
        base = self._base
        same_origin = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
        below = url.path.startswith(f"{base.path.rstrip('/')}/") and ".." not in url.path.split("/")
        return same_origin and below and url.user is None and url.password is None

    @asynccontextmanager
    async def _call(
        self, kind: Kind, url: URL, timeout: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._gate.admitted():
            token = await self._tokens.current()
            headers = self._headers | {"Authorization": f"Bearer {token}"}
            with transport_errors(), self._metrics.portal_answer_seconds.labels(kind).time():
                response = await self._session.get(url, headers=headers, timeout=timeout, allow_redirects=False)
            async with response:
                if response.status != 200:
                    raise await self._error(response, token)
                await self._tokens.accepted(token)
                yield response

    async def _error(self, response: aiohttp.ClientResponse, token: str) -> PortalError:
        try:
            body = await read_body(response, ERROR_MAX_BYTES)
        except Unavailable:
            body = b""  # the status says enough
        error = _classify(response.status, _message(body), _retry_after(response))
        if isinstance(error, Unauthorized):
            await self._tokens.refused(token)
        if isinstance(error, Busy):
            seconds = error.retry_after or 1.0
            self._gate.pause(seconds)
            await self._slow_down(seconds)
        return error


def _classify(status: int, message: str, retry_after: float | None) -> PortalError:
    if status in {401, 403} and "acesso" in message.lower():
        return AccessDenied(ErrorCode.DOCUMENT_ACCESS_DENIED, "access is denied")
    if status == 401:
        return Unauthorized()
    if status in {404, 410}:
        return NotFound(ErrorCode.DOCUMENT_NOT_FOUND, "not found")
    if status in range(300, 400):
        return Refused(ErrorCode.REDIRECTED, "redirected")
    if status == 429:
        return Busy(ErrorCode.PORTAL_UNAVAILABLE, "the portal asks for quiet", retry_after=retry_after)
    code = ErrorCode.PORTAL_ERROR if status == 500 else ErrorCode.PORTAL_UNAVAILABLE
    return Unavailable(code, f"the portal answered {status}", retry_after=retry_after)


def _message(body: bytes) -> str:
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return ""
    message = value.get("message") if isinstance(value, dict) else None
    return message if isinstance(message, str) else ""


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_MAX)
    try:
        seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_MAX)


def _refuse_page(content_type: str, head: bytes) -> None:
    if content_type == "text/html" or is_portal_page(head):
        raise Unavailable(ErrorCode.PORTAL_PAGE, "the portal answered with its own page")
