"""A proxy in front of an S3 server that fails as a test says."""

import asyncio
import re
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from enum import Enum, auto
from io import BytesIO

import aiohttp
from aiohttp import web
from yarl import URL

_MAX_BODY = 64 * 1024 * 1024  # bytes; a part has 8 MiB
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"})


class WireFault(Enum):
    """What happens to one request."""

    NONE = auto()  #: it is passed on
    ERROR_500 = auto()  #: it is not passed on, and answered with a 500
    ERROR_503 = auto()  #: the same with a 503
    FLIPPED_BIT = auto()  #: it is passed on with one bit of its body changed
    NO_RECEIPT = auto()  #: it is passed on, and its answer has no ETag
    BLANK_RECEIPT = auto()  #: it is not passed on, and answered with an ETag that names nothing
    ERROR_IN_200 = auto()  #: it is not passed on, and answered with an error in a body with status 200
    EMPTY_200 = auto()  #: it is not passed on, and answered as if all were well, with nothing
    DROPPED = auto()  #: the connection is closed instead of an answer
    ACCESS_DENIED = auto()  #: the same with a 403, as by a policy
    WEB_PAGE = auto()  #: it is not passed on, and answered 200 with somebody else's page
    NOT_PASSED_ON = auto()  #: no answer ever comes, and the server never sees it
    DELAYED = auto()  #: it is passed on after `release`, if its client still waits then
    HELD_BACK = auto()  #: it is passed on, and its answer waits for `release`


class RegionHint(Enum):
    """How a store names the region of its bucket in the refusal of a request for another region."""

    REDIRECT = auto()  #: 301, with the region in a header
    HEADER = auto()  #: 400, with the region in a header
    BODY = auto()  #: 400, with the region in an element of the body, which an answer to HEAD has not
    MESSAGE = auto()  #: the same, with the region in a sentence
    NONE = auto()  #: 400, and not a word
    LINKS_ONLY = auto()  #: only links are refused; an answer to HEAD has the region in a header


_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]*)/s3/aws4_request")


def _error_500() -> web.Response:
    return web.Response(status=500, text="<Error><Code>InternalError</Code></Error>", content_type="text/xml")


def _error(status: int, code: str) -> web.Response:
    text = f"<Error><Code>{code}</Code><Message>AKIA0 at inner.host</Message></Error>"
    return web.Response(status=status, text=text, content_type="text/xml")


def _web_page() -> web.Response:
    return web.Response(text="<!DOCTYPE html><html><p>Hotel Wi-Fi", content_type="text/html")


_CANNED: Mapping[WireFault, Callable[[], web.Response]] = {
    WireFault.ERROR_500: _error_500,
    WireFault.WEB_PAGE: _web_page,
    WireFault.ACCESS_DENIED: lambda: _error(403, "AccessDenied"),
    WireFault.EMPTY_200: web.Response,
    WireFault.BLANK_RECEIPT: lambda: web.Response(headers={"ETag": '""'}),
    WireFault.ERROR_IN_200: lambda: _error(200, "InternalError"),
}


class S3Proxy:
    """Forwards requests unchanged, so that their signatures stay valid, except for planned faults."""

    def __init__(self, upstream: str, session: aiohttp.ClientSession) -> None:
        self.url = ""
        self.seen: list[str] = []  #: the operation of each request that came
        self.served: list[str] = []  #: and of each that the server has answered
        self.wanted_encryption: dict[str, str] = {}  #: headers that a policy of the bucket wants of what writes objects
        self.knows_no_checksums = False  #: as a store that refuses `x-amz-checksum-...` headers
        self.knows_no_checksum_elements = False  #: as a store that refuses them where an upload is completed
        self._region: tuple[str, RegionHint] | None = None
        self._told_region = ""
        self._upstream = upstream
        self._session = session
        self._refusals: dict[tuple[str, str], tuple[int, str]] = {}
        self._faults: dict[str, deque[WireFault]] = defaultdict(deque)
        self._progress = asyncio.Condition()
        self._released = asyncio.Event()

    def reset(self) -> None:
        """Forget all requests and all plans."""
        self.seen.clear()
        self.served.clear()
        self._faults.clear()
        self._refusals.clear()
        self.wanted_encryption = {}
        self.knows_no_checksums = self.knows_no_checksum_elements = False
        self._region = None
        self._told_region = ""
        self._released = asyncio.Event()

    def refuse(self, part: str, status: int, code: str, *, method: str = "") -> None:
        """Refuse every request of a method, or of any, for a path with this part. An empty part means every path."""
        self._refusals[part, method] = (status, code)

    def _wanted_of(self, request: web.Request) -> dict[str, str]:
        # S3 has these headers only in requests that begin an object.
        return self.wanted_encryption if _operation(request) in {"put", "create"} else {}

    def want_region(self, region: str, hint: RegionHint) -> None:
        """Refuse requests and links that are signed for another region."""
        self._region = (region, hint)
        self._told_region = region if hint in _IN_HEADER else ""

    def tell_no_region(self) -> None:
        """Name no region in successful responses."""
        self._told_region = ""

    def tell_region(self, region: str, *, accepts: str) -> None:
        """Name one region in the headers, and refuse all but another one without naming it."""
        self._region = (accepts, RegionHint.NONE)
        self._told_region = region

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.knows_no_checksums and any("checksum" in name.lower() for name in request.headers):
            return _error(400, "InvalidArgument")
        if self.wanted_encryption and _encryption(request) != self._wanted_of(request):
            return _error(403, "AccessDenied")
        if self._region is not None and (answer := _of_other_region(request, *self._region)) is not None:
            return answer
        answers = [
            answer
            for (part, method), answer in self._refusals.items()
            if part in request.path and method in {"", request.method}
        ]
        return _error(*answers[0]) if answers else None

    def plan(self, operation: str, *faults: WireFault) -> None:
        """Plan faults for the next requests of a kind: put, create, part, complete, abort, or other."""
        self._faults[operation].extend(faults)

    async def until(self, operation: str, requests: list[str]) -> None:
        """Wait until a kind is among the requests `seen`, or among those `served`."""
        async with self._progress:
            await self._progress.wait_for(lambda: operation in requests)

    async def _note(self, operation: str, requests: list[str]) -> None:
        async with self._progress:
            requests.append(operation)
            self._progress.notify_all()

    def release(self) -> None:
        """Release the responses that are held back."""
        self._released.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """aiohttp's handler for every request."""
        operation = _operation(request)
        body = await request.read()
        faults = self._faults[operation]
        fault = faults.popleft() if faults else WireFault.NONE
        await self._note(operation, self.seen)
        if "Expect" in request.headers:
            # A client that waits for 100 would wait for ever if the server sends none.
            return web.Response(status=417)
        if self.knows_no_checksum_elements and operation == "complete" and b"Checksum" in body:
            return _error(400, "MalformedXML")
        return self._refusal(request) or await self._answer(request, body, fault)

    async def _answer(self, request: web.Request, body: bytes, fault: WireFault) -> web.StreamResponse:
        if fault in _CANNED:
            return _CANNED[fault]()
        if fault is WireFault.DROPPED and request.transport is not None:
            request.transport.abort()
        if fault in {WireFault.DROPPED, WireFault.NOT_PASSED_ON}:
            await asyncio.Event().wait()
        if fault is WireFault.FLIPPED_BIT:
            body = body[:-1] + bytes([body[-1] ^ 1])
        released = self._released
        if fault is WireFault.DELAYED:
            await released.wait()
        answer = await self._pass_on(request, body)
        if fault is WireFault.NO_RECEIPT:
            answer.headers.pop("ETag", None)
        await self._note(_operation(request), self.served)
        if fault is WireFault.HELD_BACK:
            await released.wait()
        return answer

    async def _pass_on(self, request: web.Request, body: bytes) -> web.Response:
        url = URL(self._upstream + request.raw_path, encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        async with self._session.request(request.method, url, headers=headers, data=BytesIO(body)) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            if request.method != "HEAD":
                kept.pop("Content-Length", None)
            if self._region is not None:
                kept["x-amz-bucket-region"] = self._told_region
            return web.Response(status=answer.status, headers=kept, body=await answer.read() or None)


def _encryption(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items() if "server-side-encryption" in name.lower()}


_IN_HEADER = frozenset({RegionHint.REDIRECT, RegionHint.HEADER, RegionHint.LINKS_ONLY})


def _of_other_region(request: web.Request, region: str, hint: RegionHint) -> web.Response | None:
    """The refusal of a request that was signed for another region; None if it was not."""
    signed = "" if hint is RegionHint.LINKS_ONLY else request.headers.get("Authorization", "")
    scope = _SCOPE.search(signed or f"Credential={request.query.get('X-Amz-Credential', '')}")
    if scope is None or scope["region"] == region:
        return None
    sentence = f"the region '{scope['region']}' is wrong; expecting '{region}'" if hint is RegionHint.MESSAGE else ""
    element = f"<Region>{region}</Region>" if hint is RegionHint.BODY else ""
    code = "PermanentRedirect" if hint is RegionHint.REDIRECT else "AuthorizationHeaderMalformed"
    body = f"<Error><Code>{code}</Code><Message>{sentence}</Message>{element}</Error>"
    return web.Response(
        status=301 if hint is RegionHint.REDIRECT else 400,
        text="" if request.method == "HEAD" else body,
        content_type="text/xml",
        headers={"x-amz-bucket-region": region} if hint in {RegionHint.REDIRECT, RegionHint.HEADER} else {},
    )


def _operation(request: web.Request) -> str:
    names = {
        ("POST", "uploads"): "create",
        ("PUT", "partNumber"): "part",
        ("POST", "uploadId"): "complete",
        ("DELETE", "uploadId"): "abort",
    }
    for (method, parameter), name in names.items():
        if request.method == method and parameter in request.query:
            return name
    return "put" if request.method == "PUT" else "other"


@asynccontextmanager
async def running_s3_proxy(upstream: str) -> AsyncIterator[S3Proxy]:
    """A proxy on a free port of this machine, in front of the server at `upstream`."""
    async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Content-Type"]) as session:
        proxy = S3Proxy(upstream, session)
        application = web.Application(client_max_size=_MAX_BODY)
        application.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield proxy
        finally:
            await runner.cleanup()
