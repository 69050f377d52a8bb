"""A case that the portal does not list: why the job waits, and that the wait ends."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from service.database.cases import documents
from service.domain.errors import ErrorCode
from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.integration.portal.test_portal_outages import LOGIN, database, fail, simulated, worker
from tests.support.one_worker import OneWorker

__all__ = ["database", "simulated", "worker"]


def fail_listing(worker: OneWorker, kind: FaultKind, times: int = FOR_EVER, **options: object) -> None:
    fault = Fault(kind=kind, times=times, **options)  # type: ignore[arg-type]  # the fields are the caller's
    worker.simulated.script.fail_listing(worker.number.masked, fault)


LISTING_FAULTS = [
    Fault(kind=FaultKind.REDIRECT_OTHER_HOST, times=FOR_EVER),
    Fault(kind=FaultKind.REDIRECT_OTHER_HOST, times=FOR_EVER, location=LOGIN),
    Fault(kind=FaultKind.ACCEPTED_202, times=FOR_EVER),
    Fault(kind=FaultKind.GATEWAY_404, times=FOR_EVER),
    Fault(kind=FaultKind.NOT_FOUND_404, times=FOR_EVER),
    Fault(kind=FaultKind.FIREWALL_403, times=FOR_EVER),
    Fault(kind=FaultKind.EXPIRED_401, times=FOR_EVER),
    Fault(kind=FaultKind.PORTAL_PAGE, times=FOR_EVER),
    Fault(kind=FaultKind.MALFORMED_JSON, times=FOR_EVER),
    Fault(kind=FaultKind.TOO_MANY_429, times=FOR_EVER),
    Fault(kind=FaultKind.TOO_MANY_429, times=FOR_EVER, retry_after="Mon, 01 Jan 2024 00:00:00 +99999999999999"),
    Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER, retry_after="Mon, 01 Jan 2024 00:00:00 +99999999999999"),
]


@pytest.mark.parametrize("fault", LISTING_FAULTS, ids=lambda fault: f"{fault.kind}-{fault.location[-4:]}")
async def test_a_job_whose_case_is_not_listed_waits_with_a_reason_and_ends(worker: OneWorker, fault: Fault) -> None:
    worker.put(DocumentSpec())
    worker.simulated.script.fail_listing(worker.number.masked, fault)
    await worker.ask()

    await worker.run()
    waiting = await worker.job()
    await worker.make_older("3 days")
    await worker.run()
    ended = await worker.job()

    assert (waiting["status"], bool(waiting["postponed_reason"])) == ("pending", True)
    is_denied = fault.kind is FaultKind.EXPIRED_401 or fault.location == LOGIN
    expected = ErrorCode.PROCESS_ACCESS_DENIED if is_denied else ErrorCode.JOB_EXPIRED
    assert (ended["status"], ended["error_code"]) == ("failed", expected)


async def test_a_job_that_still_gets_documents_does_not_expire(worker: OneWorker) -> None:
    worker.put(DocumentSpec(origin_id="good"), DocumentSpec(origin_id="last"))
    fail(worker, "last", FaultKind.EXPIRED_401)
    # One document after the other: the fault of the last one must not stop the first.
    worker.context = replace(worker.context, limits=replace(worker.context.limits, download_concurrency=1))
    await worker.ask()
    fail_listing(worker, FaultKind.CONTENT_WRAPPER, times=1)
    await worker.make_older("10 days")
    worker.simulated.script.fail_listing(
        worker.number.masked,
        Fault(kind=FaultKind.CONTENT_WRAPPER),
        Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER, retry_after=1),
    )

    await worker.run()

    assert (await worker.job())["status"] == "pending"
    assert (await worker.documents())[0][0] == "available"


async def test_a_dead_token_ends_the_job_one_day(worker: OneWorker) -> None:
    worker.put(DocumentSpec(count=2))
    worker.simulated.configure({"token": "another"})
    await worker.ask()
    await worker.run()
    await worker.make_older("3 days")

    await worker.run()

    job = await worker.job()
    assert (job["status"], job["error_code"]) == ("failed", ErrorCode.JOB_EXPIRED)


async def test_a_case_that_is_denied_ends_at_once(worker: OneWorker) -> None:
    worker.put(DocumentSpec())
    fail_listing(worker, FaultKind.DENIED_403, message="Processo em segredo de justiça")
    await worker.ask()

    await worker.run()

    assert (await worker.job())["error_code"] == ErrorCode.PROCESS_ACCESS_DENIED


async def test_a_case_that_fails_twice_and_is_not_in_the_register_is_unknown(worker: OneWorker) -> None:
    fail_listing(worker, FaultKind.CODEX_500)
    await worker.ask()

    await worker.run()
    once = await worker.job()
    await worker.run()

    assert once["status"] == "pending"
    assert (await worker.job())["error_code"] == ErrorCode.PROCESS_NOT_FOUND


async def test_a_case_that_fails_twice_and_is_in_the_register_is_kept(worker: OneWorker) -> None:
    worker.put(DocumentSpec())
    fail_listing(worker, FaultKind.CODEX_500)
    await worker.ask()

    await worker.run(3)

    assert (await worker.job())["status"] == "pending"


@pytest.mark.parametrize("statement", ["start", "mark_available"])
async def test_a_connection_that_is_lost_in_a_download_puts_the_job_off(
    worker: OneWorker, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    async def cut(*_: object, **__: object) -> None:
        raise ConnectionError("unexpected connection_lost() call")

    worker.put(DocumentSpec(count=3))
    await worker.ask()
    monkeypatch.setattr(documents, statement, cut)

    with capture_logs() as lines:
        await worker.run()

    said = {(each["log_level"], each["event"]) for each in lines}
    assert ("warning", "database_unreachable") in said
    assert "error" not in {level for level, _event in said}
    assert (await worker.job())["postponed_reason"] == "the database cannot be reached"
