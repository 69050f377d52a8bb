"""The worker and the portal's errors: which are the case's own, which are tried again, and that every wait ends."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from service.database.connection import Database
from service.domain.errors import ErrorCode
from service.domain.process_number import ProcessNumber
from service.local.simulator import (
    FOR_EVER,
    DocumentSpec,
    Fault,
    FaultKind,
    SimulatedPortal,
    create_portal,
    running_portal,
)
from service.local.stack import Stack
from service.portal import client as portal_client
from service.portal import pauses
from service.portal.errors import TokenUnavailable
from tests.conftest import create_database
from tests.support.buckets import Bucket
from tests.support.deliveries.deliveries import open_pool
from tests.support.one_worker import OneWorker, open_worker
from tests.support.portal_client import GivenToken
from worker.downloads import tries

TOKEN = "invented-token"
LOGIN = "https://sso.invalid/auth/realms/pje/protocol/openid-connect/auth"
AVAILABLE = ("available", None, 1)
DENIED = ErrorCode.DOCUMENT_ACCESS_DENIED


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A database without workers."""
    async with open_pool(await create_database(stack)) as pool:
        yield pool


@pytest.fixture(scope="module")
async def simulated() -> AsyncIterator[tuple[SimulatedPortal, str]]:
    app = create_portal(TOKEN, ())
    async with running_portal(app) as origin:
        yield app.state.portal, origin


@pytest.fixture
async def worker(
    database: Database,
    local_bucket: Bucket,
    simulated: tuple[SimulatedPortal, str],
    number: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[OneWorker]:
    """A worker that waits a hundredth of the usual time."""
    simulated[0].reset()
    monkeypatch.setattr(tries, "DOCUMENT_BACKOFF", 0.01)
    monkeypatch.setattr(portal_client, "PAGE_DELAY", 0.01)
    monkeypatch.setattr(pauses, "BUSY_PAUSES", (0.01, 0.02))
    monkeypatch.setattr(pauses, "FIREWALL_PAUSES", (0.01, 0.02))
    async with open_worker(database, local_bucket, simulated, ProcessNumber.parse(number)) as opened:
        yield opened


def fail(worker: OneWorker, target: str, kind: FaultKind, times: int = FOR_EVER, **options: object) -> None:
    fault = Fault(kind=kind, times=times, **options)  # type: ignore[arg-type]  # the fields are the caller's
    worker.simulated.script.fail_document(worker.number.masked, target, fault)


def listed(worker: OneWorker) -> int:
    """How often the case was listed."""
    return worker.simulated.journal.listings.get(worker.number.masked, 0)


async def test_a_document_that_answers_401_without_a_word_is_denied_and_holds_nobody_up(worker: OneWorker) -> None:
    worker.put(DocumentSpec(origin_id="sealed"), DocumentSpec(count=5))
    fail(worker, "sealed", FaultKind.EXPIRED_401)
    await worker.ask()

    await worker.run()

    assert (await worker.job())["status"] == "failed"
    assert list(await worker.documents()) == [("failed", DENIED, 2), *[AVAILABLE] * 5]
    assert worker.portal.tokens.refusals == []
    assert listed(worker) <= 3  # of the job, and of each doubt


async def test_documents_that_answer_401_for_once_are_downloaded(worker: OneWorker) -> None:
    worker.put(DocumentSpec(count=4))
    fail(worker, "*", FaultKind.EXPIRED_401, times=1)
    await worker.ask()

    await worker.run()

    assert {each[:2] for each in await worker.documents()} == {("available", None)}
    assert worker.portal.tokens.refusals == []


async def test_a_dead_token_pauses_the_job_and_says_so(worker: OneWorker) -> None:
    worker.put(DocumentSpec(count=3))
    await worker.ask()
    worker.simulated.configure({"token": "another"})

    await worker.run()

    job = await worker.job()
    assert (job["status"], job["postponed_reason"]) == ("pending", "the portal does not accept the token")
    assert worker.portal.tokens.refusals == [TOKEN]


OUTAGES = [
    Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER),
    Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER, status=502),
    Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER, retry_after=1),
    Fault(kind=FaultKind.GATEWAY_404, times=FOR_EVER),
    Fault(kind=FaultKind.REDIRECT_OTHER_HOST, times=FOR_EVER),
    Fault(kind=FaultKind.REDIRECT_OTHER_HOST, times=FOR_EVER, location=LOGIN),
    Fault(kind=FaultKind.PORTAL_PAGE, times=FOR_EVER),
    Fault(kind=FaultKind.EXPIRED_401, times=FOR_EVER),
    *(Fault(kind=FaultKind.FIREWALL_403, times=FOR_EVER, status=status) for status in (401, 403, 404)),
]


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda fault: f"{fault.kind}-{fault.status or fault.location[-4:]}")
async def test_an_outage_in_the_middle_fails_no_document(worker: OneWorker, outage: Fault) -> None:
    worker.put(DocumentSpec(count=6))
    await worker.ask()
    worker.simulated.script.fail_document(worker.number.masked, "*", outage)
    once = Fault(kind=FaultKind.CONTENT_WRAPPER)
    worker.simulated.script.fail_listing(worker.number.masked, once, outage)

    running = asyncio.create_task(worker.run())
    await until(lambda: running.done() or len(worker.portal.pauses) > 4)

    assert {status for status, *_ in await worker.documents()} <= {"pending", "processing"}
    assert (await worker.job())["status"] in {"pending", "processing"}
    worker.simulated.script.clear()
    await running
    await worker.run(3)
    assert {each[:2] for each in await worker.documents()} == {("available", None)}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  (the portal is another server)
            await asyncio.sleep(0.01)


async def test_no_token_to_be_had_is_no_error_of_a_document(
    database: Database, local_bucket: Bucket, simulated: tuple[SimulatedPortal, str], number: str
) -> None:
    class Endpoint(GivenToken):
        async def current(self) -> str:
            if self.calls > 0:
                raise TokenUnavailable(ErrorCode.PORTAL_UNAVAILABLE, "the token endpoint answers 503")
            self.calls += 1
            return await super().current()

        calls = 0

    simulated[0].reset()
    tokens = Endpoint(TOKEN)
    async with open_worker(database, local_bucket, simulated, ProcessNumber.parse(number), tokens) as worker:
        worker.put(DocumentSpec(count=20))
        await worker.ask()
        await worker.run()

        assert set(await worker.documents()) <= {("pending", None, 0), ("processing", None, 0)}
        assert (await worker.job())["postponed_reason"] == "the token endpoint answers 503"


async def test_a_404_for_once_of_documents_that_are_listed_is_not_believed(worker: OneWorker) -> None:
    worker.put(DocumentSpec(count=10))
    fail(worker, "*", FaultKind.NOT_FOUND_404, times=1)
    await worker.ask()

    await worker.run()

    assert list(await worker.documents()) == [("available", None, 2)] * 10


@pytest.mark.parametrize("kind", [FaultKind.GATEWAY_404, FaultKind.REDIRECT_OTHER_HOST, FaultKind.FIREWALL_403])
async def test_what_stays_wrong_with_one_document_fails_that_one(worker: OneWorker, kind: FaultKind) -> None:
    worker.put(DocumentSpec(origin_id="bad"), DocumentSpec(origin_id="good"))
    fail(worker, "bad", kind)
    await worker.ask()

    await worker.run()

    bad, good = await worker.documents()
    assert (bad[0], bad[2], good) == ("failed", 3, AVAILABLE)
    assert worker.portal.pauses == []


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("message", ["Documento sigiloso", "Usuario nao possui acesso ao processo"])
async def test_a_denial_is_believed_at_once(worker: OneWorker, message: str, status: int) -> None:
    worker.put(DocumentSpec(origin_id="sealed"), DocumentSpec())
    fail(worker, "sealed", FaultKind.DENIED_403, message=message, status=status)
    await worker.ask()

    await worker.run()

    assert list(await worker.documents()) == [("failed", DENIED, 1), AVAILABLE]


@pytest.mark.parametrize("kind", [FaultKind.TOO_MANY_429, FaultKind.ACCEPTED_202])
async def test_later_is_no_attempt(worker: OneWorker, kind: FaultKind) -> None:
    worker.put(DocumentSpec(count=3))
    fail(worker, "*", kind, times=5, retry_after="")
    await worker.ask()

    await worker.run()

    assert list(await worker.documents()) == [AVAILABLE] * 3


async def test_a_firewall_that_blocks_everything_is_waited_for(worker: OneWorker) -> None:
    worker.put(DocumentSpec(count=3))
    await worker.ask()
    page = Fault(kind=FaultKind.FIREWALL_403, times=6)
    worker.simulated.script.fail_document(worker.number.masked, "*", page)
    worker.simulated.script.fail_listing(worker.number.masked, Fault(kind=FaultKind.CONTENT_WRAPPER), page)

    await worker.run()

    assert {each[:2] for each in await worker.documents()} == {("available", None)}
    assert worker.portal.pauses
