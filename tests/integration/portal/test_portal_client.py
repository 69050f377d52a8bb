"""The portal's client on real sockets: its addresses, its requests, and how it reads responses."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from unittest.mock import Mock

import pytest

from service.domain.errors import ErrorCode
from service.domain.process_number import ProcessNumber
from service.local.simulator import Fault, FaultKind, SimulatedPortal, create_portal, make_case, running_portal
from service.local.simulator.faults import IN_LISTINGS
from service.portal import client as portal_client
from service.portal import errors
from service.portal.errors import AddressRefused, Busy, NotFound, NotReady, PortalError, Unavailable
from tests.support.portal_client import USER_AGENT, Portal, open_portal_client

NUMBER = ProcessNumber.parse("7654321-71.2021.8.19.0001")
TOKEN = "invented-token"
CASE = make_case(NUMBER.masked, 3)
PATH = f"/processos/{NUMBER.masked}/documentos/{CASE.documents[0].uuids[0]}/binario"


@dataclass(frozen=True)
class Rig:
    """A client, its portal, and another host that must get no request."""

    portal: Portal
    simulated: SimulatedPortal
    origin: str
    other: SimulatedPortal
    other_origin: str

    async def list(self) -> int:
        """List the case, and return the number of its documents."""
        return len((await self.portal.client.list_process(NUMBER, timeout=60)).documents)

    async def read(self, href: str = PATH) -> bytes:
        """All bytes at an address."""
        async with self.portal.client.open_document(href) as download:
            return b"".join([chunk async for chunk in download.chunks()])

    def fail(self, kind: FaultKind, times: int = -1, **options: object) -> None:
        """Let requests for documents fail in this way."""
        fault = Fault(kind=kind, times=times, **options)  # type: ignore[arg-type]  # the fields are the caller's
        self.simulated.script.fail_document(NUMBER.masked, "*", fault)


@pytest.fixture(scope="module")
async def portals() -> AsyncIterator[tuple[SimulatedPortal, str, SimulatedPortal, str]]:
    app, other = create_portal(TOKEN, [CASE]), create_portal("another-token", [CASE])
    async with running_portal(app) as origin, running_portal(other) as other_origin:
        yield app.state.portal, origin, other.state.portal, other_origin


@pytest.fixture
async def rig(portals: tuple[SimulatedPortal, str, SimulatedPortal, str]) -> AsyncIterator[Rig]:
    simulated, origin, other, other_origin = portals
    simulated.reset()
    other.reset()
    async with open_portal_client(f"{origin}/api/v2", TOKEN) as portal:
        yield Rig(portal, simulated, origin, other, other_origin)


async def test_token_and_user_agent_are_sent_with_every_request(rig: Rig) -> None:
    assert await rig.list() == 3
    assert len(await rig.read()) == CASE.documents[0].size

    entries = list(rig.simulated.journal.entries)
    assert [(each.status, each.had_authorization, each.user_agent) for each in entries] == [(200, True, USER_AGENT)] * 2


@pytest.mark.parametrize("prefix", ["", "{origin}/api/v2", "{upper}/api/v2", "/api/v2", "api/v2"])
async def test_an_address_on_the_portal_is_followed(rig: Rig, prefix: str) -> None:
    prefix = prefix.format(origin=rig.origin, upper=rig.origin.upper().replace("HTTP", "Http"))

    assert len(await rig.read(prefix + PATH)) == CASE.documents[0].size


@pytest.mark.parametrize(
    "href",
    [
        "{other}/api/v2{path}",
        "//{other_host}/api/v2{path}",
        "{origin}{path}",
        "{origin}/",
        "{origin}/api/v2",
        "{origin}/api/v22{path}",
        "{origin}/api/v2/../../_control/requests",
        "/../../_control/requests",
        "/%2e%2e/%2e%2e/_control/requests",
        "/..%2f..%2f_control/requests",
        "http://user:secret@{host}/api/v2{path}",
        "http://{host}@{other_host}/api/v2{path}",
        "http://{other_host}#@{host}/api/v2{path}",
        "https://{host}/api/v2{path}",
        "ftp://{host}/api/v2{path}",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http:///api/v2{path}",
        "http://[::1/api/v2{path}",
        "http://{host}:99999/api/v2{path}",
        "http://127.0.0.1:1/api/v2{path}",
        "http://localhost/api/v2{path}",
        "api/v2/../../_control/requests",
        "processos/../../../_control/requests",
        "?x",
        "#x",
        "",
        "\\\\{other_host}\\api",
    ],
)
async def test_an_address_that_leaves_the_portal_is_refused_without_any_request(rig: Rig, href: str) -> None:
    names = {"host": rig.origin.removeprefix("http://"), "other_host": rig.other_origin.removeprefix("http://")}

    with pytest.raises(AddressRefused) as error:
        await rig.read(href.format(origin=rig.origin, other=rig.other_origin, path=PATH, **names))

    assert error.value.code is ErrorCode.ADDRESS_REFUSED
    assert (rig.simulated.journal.total, rig.other.journal.total) == (0, 0)


async def test_the_token_of_a_portal_without_a_path_stays_on_its_host(rig: Rig) -> None:
    async with open_portal_client(rig.origin, TOKEN) as portal:
        async with portal.client.open_document(f"/api/v2{PATH}") as download:
            assert [chunk async for chunk in download.chunks()]
        with pytest.raises(AddressRefused):
            async with portal.client.open_document(f"{rig.other_origin}/api/v2{PATH}"):
                pytest.fail("the other host was asked")


async def test_a_redirect_is_not_followed(rig: Rig) -> None:
    rig.fail(FaultKind.REDIRECT_OTHER_HOST, location=rig.other_origin)

    with pytest.raises(Unavailable) as error:
        await rig.read()

    assert error.value.code is ErrorCode.REDIRECTED
    assert (rig.simulated.journal.total, rig.other.journal.total) == (1, 0)


LISTING_FAILURES: dict[FaultKind, tuple[type[PortalError], ErrorCode]] = {
    FaultKind.PORTAL_PAGE: (Unavailable, ErrorCode.PORTAL_PAGE),
    FaultKind.FIREWALL_403: (Unavailable, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.JSON_200: (Unavailable, ErrorCode.PORTAL_ANSWER_INVALID),
    FaultKind.EMPTY_BODY: (Unavailable, ErrorCode.PORTAL_ANSWER_INVALID),
    FaultKind.CODEX_500: (Unavailable, ErrorCode.PORTAL_ERROR),
    FaultKind.NOT_FOUND_404: (Unavailable, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.GATEWAY_404: (Unavailable, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.ACCEPTED_202: (NotReady, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.TOO_MANY_429: (Busy, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.UNAVAILABLE_503: (Unavailable, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.EXPIRED_401: (errors.Unauthorized, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.DENIED_403: (errors.AccessDenied, ErrorCode.DOCUMENT_ACCESS_DENIED),
    FaultKind.REDIRECT_OTHER_HOST: (Unavailable, ErrorCode.REDIRECTED),
    FaultKind.HANG: (Unavailable, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.MALFORMED_JSON: (Unavailable, ErrorCode.PORTAL_ANSWER_INVALID),
    FaultKind.EMPTY_LIST: (NotFound, ErrorCode.PROCESS_NOT_FOUND),
    FaultKind.TRUNCATED: (Unavailable, ErrorCode.TRUNCATED),
    FaultKind.SLOW: (Unavailable, ErrorCode.PORTAL_UNAVAILABLE),
}
LISTED_ALL_THE_SAME = (
    *(FaultKind.TWO_OBJECTS, FaultKind.CONTENT_WRAPPER, FaultKind.HREF_OTHER_HOST, FaultKind.UNASKED_GZIP),
    *(FaultKind.NO_MOVEMENTS, FaultKind.FEWER_MOVEMENTS, FaultKind.SHUFFLED),
)


def test_every_fault_of_a_listing_is_in_the_tables() -> None:
    assert {*LISTING_FAILURES, *LISTED_ALL_THE_SAME, FaultKind.REJECTED_PAGE, FaultKind.OTHER_BODY} == IN_LISTINGS


@pytest.mark.parametrize("kind", LISTING_FAILURES)
async def test_each_fault_of_a_listing_has_its_error(rig: Rig, kind: FaultKind) -> None:
    rig.simulated.script.fail_listing(NUMBER.masked, Fault(kind=kind, seconds=3600))

    with pytest.raises(PortalError) as error:
        await rig.portal.client.list_process(NUMBER, timeout=0.3 if kind in {FaultKind.HANG, FaultKind.SLOW} else 60)

    assert (type(error.value), error.value.code) == LISTING_FAILURES[kind]
    assert rig.portal.gate.in_flight == 0


BROTLI = Fault(kind=FaultKind.UNASKED_GZIP, coding="br")
ZSTD = Fault(kind=FaultKind.UNASKED_GZIP, coding="zstd")


@pytest.mark.parametrize("fault", [*(Fault(kind=kind) for kind in LISTED_ALL_THE_SAME), BROTLI, ZSTD])
async def test_an_odd_shape_of_a_listing_is_read(rig: Rig, fault: Fault) -> None:
    rig.simulated.script.fail_listing(NUMBER.masked, fault)

    assert await rig.list() == 3


async def test_a_listing_waits_for_a_place_no_longer_than_its_time(rig: Rig) -> None:
    rig.portal.gate.set_limit(0)

    with pytest.raises(Unavailable):
        await rig.portal.client.list_process(NUMBER, timeout=0.05)

    assert rig.simulated.journal.total == 0


async def test_a_listing_that_does_not_end_is_given_up(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal_client, "LISTING_MAX_BYTES", 100)

    with pytest.raises(Unavailable) as error:
        await rig.list()

    assert error.value.code is ErrorCode.PORTAL_ANSWER_INVALID


@pytest.mark.parametrize("status", [401, 403])
async def test_a_denied_document_does_not_condemn_the_token(rig: Rig, status: int) -> None:
    rig.fail(FaultKind.DENIED_403, status=status)

    with pytest.raises(errors.AccessDenied):
        await rig.read()

    assert rig.portal.tokens.refusals == []


async def test_an_error_whose_body_is_too_long_to_be_read_is_not_believed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal_client, "ERROR_MAX_BYTES", 10)
    rig.fail(FaultKind.NOT_FOUND_404)

    with pytest.raises(Unavailable):
        await rig.read()


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, ErrorCode.PORTAL_ERROR), (502, ErrorCode.PORTAL_UNAVAILABLE), (504, ErrorCode.PORTAL_UNAVAILABLE)],
)
async def test_a_server_error_may_pass(rig: Rig, status: int, code: ErrorCode) -> None:
    rig.fail(FaultKind.CODEX_500, status=status)

    with pytest.raises(Unavailable) as error:
        await rig.read()

    assert error.value.code is code


@pytest.mark.parametrize("kind", [FaultKind.TOO_MANY_429, FaultKind.UNAVAILABLE_503, FaultKind.ACCEPTED_202])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (7, 7.0),
        ("0", 0.0),
        ("100000", 600.0),
        ("9" * 500, 600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Sat, 21 Oct 2119 07:28:00 GMT", 600.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("", None),
    ],
)
async def test_the_portal_says_when_to_come_back(
    rig: Rig, kind: FaultKind, asked: int | str, expected: float | None
) -> None:
    rig.fail(kind, retry_after=asked)

    with pytest.raises(Unavailable) as error:
        await rig.read()

    assert error.value.retry_after == expected


@pytest.mark.parametrize(("asked", "expected"), [(2, 2.0), ("soon", 1.0), (0, 1.0)])
async def test_too_many_requests_slow_down_this_process_and_the_others(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, asked: int | str, expected: float
) -> None:
    pause_for_long = Mock(side_effect=lambda _seconds, pause=rig.portal.gate.pause: pause(3600))
    monkeypatch.setattr(rig.portal.gate, "pause", pause_for_long)
    rig.fail(FaultKind.TOO_MANY_429, retry_after=asked)

    with pytest.raises(Unavailable):
        await rig.read()

    assert (rig.portal.pauses, pause_for_long.call_args.args) == ([expected], (expected,))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await rig.read()
    assert rig.simulated.journal.total == 1


async def test_a_portal_that_is_not_there_may_come_back() -> None:
    async with open_portal_client("http://127.0.0.1:9/api/v2", TOKEN) as portal:
        with pytest.raises(Unavailable) as error:
            await portal.client.list_process(NUMBER, timeout=10)

    assert error.value.code is ErrorCode.PORTAL_UNAVAILABLE
    assert TOKEN not in f"{error.value!r} {error.value.__cause__!r}"
