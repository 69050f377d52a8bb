"""The PDPJ portal: list a case, stream a document. This module knows nothing about jobs or the object store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from copy import copy
from functools import partial
from typing import Literal

import aiohttp
import structlog
from yarl import URL

from service.domain.errors import ErrorCode
from service.domain.listings import Listing
from service.domain.process_number import ProcessNumber
from service.observability.metrics import Metrics
from service.portal.addresses import resolve
from service.portal.answers import Answer, judge, parse_retry_after, says_no_record
from service.portal.download import Download, read_body, transport_errors
from service.portal.errors import (
    Blocked,
    Busy,
    NotFound,
    PortalError,
    Unauthorized,
    Unavailable,
)
from service.portal.gate import Gate, Pass
from service.portal.listing import parse_listing
from service.portal.pages import is_portal_page
from service.portal.pauses import Pauses
from service.portal.search import holds
from service.portal.token import TokenSource
from service.portal.witness import Verdict, Witness, in_view_of, witness_url

LISTING_MAX_BYTES = 64 * 1024 * 1024
ERROR_MAX_BYTES = 64 * 1024
PORTAL_CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds without a single byte
WITNESS_TIMEOUT = 10.0  # seconds
PAGE_DELAY = 60.0  # seconds until the next try of a document if a firewall blocks only its address
Kind = Literal["listing", "document"]


class PortalClient:
    """Calls the portal with the current token. Never follows redirects: the token must not go to another host."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        base_url: str,
        tokens: TokenSource,
        user_agent: str,
        gate: Gate,
        slow_down: Callable[[float], Awaitable[None]],
        pause_left: Callable[[], Awaitable[float]] | None = None,
        metrics: Metrics,
        tell: Callable[[PortalError | None], None] = lambda _: None,
    ) -> None:
        """Each call takes a token from `tokens` and a slot from `gate`.

        `slow_down` makes all processes pause for some seconds; `pause_left` returns the seconds that are left.
        `tell` is called after each listing and download, with its error or None.
        """
        self._session = session
        self._base = URL(base_url.rstrip("/"))
        self._tokens = tokens
        self._gate: Gate | Pass = gate
        self._pauses = Pauses(gate, slow_down, pause_left)
        self._witness = Witness()
        self._metrics = metrics
        self._tell = tell
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "*/*",
            # Most documents are compressed formats already. An answer that is compressed anyway is decoded.
            "Accept-Encoding": "identity",
        }

    def with_pass(self, passing: Pass) -> "PortalClient":
        """Return a client for the requests of one job: the gate counts them for the job's user."""
        client = copy(self)
        client._gate = passing  # noqa: SLF001  (an object of this class)
        return client

    async def list_process(self, number: ProcessNumber, *, timeout: float) -> Listing:
        """Ask for the listing of a case, for at most `timeout` seconds.

        Raises `NotFound`, `AccessDenied`, or `Unavailable` for every temporary failure. Raises `Busy` without a
        request if the pause lasts for all of `timeout`.
        """
        left = await self._pauses.left()
        if left >= timeout:
            busy = Busy(ErrorCode.PORTAL_UNAVAILABLE, "the portal asked for quiet", retry_after=left)
            self._tell(busy)
            raise busy
        with self._counted("listing"):
            try:
                # Includes the wait for a slot at the portal.
                async with asyncio.timeout(timeout):
                    return await self._list(number)
            except TimeoutError as error:
                raise Unavailable(ErrorCode.PORTAL_UNAVAILABLE, "no listing in time") from error

    async def has_process(self, number: ProcessNumber, *, timeout: float) -> bool | None:
        """True if the portal's search finds the case, False if not; None if the search gives no clear result."""
        try:
            async with asyncio.timeout(timeout):
                return await self._search(number)
        except (TimeoutError, PortalError):
            return None

    async def answers(self, number: ProcessNumber, *, since: float) -> bool:
        """True if the portal works: a request sent after `since` succeeded, or the portal answers for this case now.

        `since` is a time of the event loop's clock.
        """
        if self._pauses.answered_at >= since:
            return True
        async with self._gate.admitted():
            try:
                verdict = await self._testify(self._listing_url(number), await self._tokens.current())
            except PortalError:
                return False
        return verdict in {Verdict.WORKS, Verdict.REFUSES}

    async def _list(self, number: ProcessNumber) -> Listing:
        url = self._listing_url(number)
        try:
            async with self._call("listing", url, aiohttp.ClientTimeout(total=None)) as response:
                content_type, charset = response.content_type, response.charset
                body = await read_body(response, LISTING_MAX_BYTES)
        except NotFound:
            # A wrong route is a 404 too, so the search decides. The code of this error may be that of a document.
            if await self._search(number) is False:
                raise NotFound(ErrorCode.PROCESS_NOT_FOUND, "the portal does not know the case") from None
            raise Unavailable(ErrorCode.PORTAL_UNAVAILABLE, "404 for a case that the portal may know") from None
        _refuse_page(content_type, body[:4096])
        # In a thread: a case of 10,000 movements takes a second, and the event loop has other requests.
        listing = await asyncio.to_thread(parse_listing, body, number, charset=charset)
        if listing.case is not None and listing.case.unread:
            structlog.get_logger().warning(
                "case_data_unread", process_number=number.masked, parts=list(listing.case.unread)
            )
        return listing

    async def _search(self, number: ProcessNumber) -> bool | None:
        url = (self._base / "processos").with_query(numeroProcesso=number.masked)
        try:
            async with self._call("listing", url, aiohttp.ClientTimeout(total=WITNESS_TIMEOUT)) as response:
                return holds(await read_body(response, LISTING_MAX_BYTES), number)
        except NotFound as error:
            return False if error.code is ErrorCode.PROCESS_NOT_FOUND else None

    def _listing_url(self, number: ProcessNumber) -> URL:
        return self._base / "processos" / number.masked

    @asynccontextmanager
    async def open_document(self, href: str) -> AsyncIterator[Download]:
        """Open the download of a document. The status is checked here; the caller checks the bytes.

        Raises `Refused` or `Unavailable`, also while the bytes are read.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=PORTAL_CONNECT_TIMEOUT, sock_read=READ_TIMEOUT)
        with self._counted("document"):
            async with AsyncExitStack() as stack:
                call = self._call("document", resolve(self._base, href), timeout)
                yield Download(await stack.enter_async_context(call), stack.aclose)

    @contextmanager
    def _counted(self, kind: Kind) -> Iterator[None]:
        """Count the call's outcome, including portal errors raised by the caller. Other exceptions are not counted."""
        try:
            yield
        except PortalError as error:
            self._metrics.portal_calls.labels(kind, error.outcome).inc()
            self._tell(error)
            raise
        self._metrics.portal_calls.labels(kind, "ok").inc()
        self._tell(None)

    @asynccontextmanager
    async def _call(
        self, kind: Kind, url: URL, timeout: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._admitted(kind):
            token = await self._tokens.current()
            try:
                response = await self._ask(kind, url, token, timeout)
            except Unauthorized as error:
                renewed = token if error.token_works else await self._tokens.current()
                if renewed == token:
                    raise
                response = await self._ask(kind, url, renewed, timeout)
            async with response:
                yield response

    @asynccontextmanager
    async def _admitted(self, kind: Kind) -> AsyncIterator[None]:
        """Hold a slot. If another process began a pause meanwhile, a listing waits for a slot again."""
        while True:
            async with self._gate.admitted():
                if kind == "document" or not await self._pauses.left():
                    yield
                    return

    async def _ask(self, kind: Kind, url: URL, token: str, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """Send one request. Return the response, whose status is 200; the caller closes it."""
        asked_at = asyncio.get_running_loop().time()
        async with AsyncExitStack() as stack:
            with transport_errors(), self._metrics.portal_answer_seconds.labels(kind).time():
                response = await stack.enter_async_context(self._send(url, token, timeout))
            if response.status != 200:
                raise await self._error(response, url, token, asked_at)
            if response.content_type != "text/html":
                self._pauses.answered(asked_at)
            await self._tokens.accepted(token)
            stack.pop_all()
        return response

    def _send(self, url: URL, token: str, timeout: aiohttp.ClientTimeout) -> "aiohttp.client._RequestContextManager":
        headers = self._headers | {"Authorization": f"Bearer {token}"}
        return self._session.get(url, headers=headers, timeout=timeout, allow_redirects=False)

    async def _error(self, response: aiohttp.ClientResponse, url: URL, token: str, asked_at: float) -> PortalError:
        answer = await _read(response)
        error = judge(answer)
        if isinstance(error, Unauthorized | Blocked):
            error = await self._verified(error, answer.status, url, token)
        if isinstance(error, NotFound) and says_no_record(answer):
            error = NotFound(ErrorCode.PROCESS_NOT_FOUND, "not in the register")
        if isinstance(error, Busy):
            await self._pauses.begin(error, asked_at)
        return error

    async def _verified(self, error: PortalError, status: int, url: URL, token: str) -> PortalError:
        """Ask for something else that should work. Return `error` only if that fails in the same way."""
        witness = witness_url(self._base, url)
        verdict = Verdict.of(error) if witness is None else await self._testify(witness, token)
        if isinstance(error, Unauthorized):
            if verdict is Verdict.UNAUTHORIZED:
                await self._tokens.refused(token)
            return in_view_of(verdict)
        if verdict is Verdict.BLOCKED:
            return error
        is_for_this_one = status != 503 and verdict is Verdict.WORKS and "/documentos/" in url.path
        delay = PAGE_DELAY if is_for_this_one else None
        return Unavailable(ErrorCode.PORTAL_UNAVAILABLE, str(error), retry_after=delay)

    async def _testify(self, url: URL, token: str) -> Verdict:
        return await self._witness.ask(url, token, partial(self._question, url, token))

    async def _question(self, url: URL, token: str) -> Verdict:
        timeout = aiohttp.ClientTimeout(total=WITNESS_TIMEOUT)
        try:
            with transport_errors():
                async with self._send(url, token, timeout) as response:
                    return await _verdict(response)
        except Unavailable:
            return Verdict.FAILS


async def _verdict(response: aiohttp.ClientResponse) -> Verdict:
    if response.status == 200:
        return Verdict.FAILS if response.content_type == "text/html" else Verdict.WORKS
    return Verdict.of(judge(await _read(response)))


async def _read(response: aiohttp.ClientResponse) -> Answer:
    try:
        body = await read_body(response, ERROR_MAX_BYTES)
    except Unavailable:
        body = b""  # a part of an error is not used
    return Answer(
        response.status,
        # Not `response.content_type`: it returns a default type if the header is missing.
        response.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        body,
        response.headers.get("Location", ""),
        parse_retry_after(*response.headers.getall("Retry-After", ())),
    )


def _refuse_page(content_type: str, head: bytes) -> None:
    if content_type == "text/html" or is_portal_page(head):
        raise Unavailable(ErrorCode.PORTAL_PAGE, "the portal answered with its own page")
