"""A complete case that is requested again with a webhook: one event per state, one delivery per subscriber."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from service.database.cases import processes
from service.database.connection import Connection
from service.database.deliveries.repeated_deliveries import FRESH_FOR
from tests.support.database.case_steps import CaseSteps, listed
from tests.support.deliveries.deliveries import add_user

DOCUMENTS = 500
POLLS = 200
WRITTEN_MAX = 1_000_000  # bytes


@pytest.fixture
async def complete(steps: CaseSteps) -> CaseSteps:
    """A case whose documents are all available."""
    await steps.register(listed("a"), listed("b"))
    await steps.complete()
    return steps


async def told(steps: CaseSteps) -> list[dict[str, Any]]:
    """Deliveries without a job, the oldest first."""
    return await steps.fetch(
        "SELECT * FROM deliveries WHERE process_number = :number AND job_id IS NULL ORDER BY created_at"
    )


async def change(steps: CaseSteps, what: str) -> None:
    """Of all deliveries without a job."""
    await steps.fetch(f"UPDATE deliveries SET {what} WHERE process_number = :number AND job_id IS NULL")  # noqa: S608


async def deliver(steps: CaseSteps, ago: str = "1 second") -> None:
    await change(
        steps,
        f"status = 'delivered', attempts = 1, next_attempt_at = NULL, ring_at = NULL, resend_at = NULL,"
        f" completed_at = now() - interval '{ago}'",
    )


async def test_what_is_open_is_joined_and_what_was_delivered_lately_is_not_sent_again(complete: CaseSteps) -> None:
    first = await complete.ask("url")
    assert first.delivery is not None
    assert (await complete.ask("url")).delivery is None
    await deliver(complete)

    assert (await complete.ask("url")).delivery is None

    (delivery,) = await told(complete)
    assert (delivery["id"], delivery["status"]) == (first.delivery.id, "delivered")
    assert len(await complete.events()) == 2  # that of the job, and this one


async def test_what_was_delivered_longer_ago_is_sent_again_once(complete: CaseSteps) -> None:
    await complete.ask("url")
    await deliver(complete, ago=f"{FRESH_FOR.total_seconds() + 1} seconds")

    again = await complete.ask("url")

    assert again.delivery is not None
    (delivery,) = await told(complete)
    assert delivery["resend_at"] is not None
    assert (await complete.ask("url")).delivery is None


async def test_what_failed_gets_a_whole_schedule_again(complete: CaseSteps) -> None:
    first = await complete.ask("url")
    await change(
        complete, "status = 'failed', attempts = 10, next_attempt_at = NULL, ring_at = NULL, completed_at = now()"
    )

    again = await complete.ask("url")

    (delivery,) = await told(complete)
    assert (delivery["status"], delivery["attempts"], delivery["completed_at"]) == ("scheduled", 0, None)
    # arq may still have a message with the same id.
    assert first.delivery is not None
    assert again.delivery is not None
    assert (again.delivery.id, again.delivery.attempt) == (first.delivery.id, 1)
    assert again.delivery.enqueue_count > first.delivery.enqueue_count


async def test_each_user_and_each_url_is_told_of_the_same_event(complete: CaseSteps) -> None:
    other: UUID = (await add_user(complete.database))[0]
    for _ in range(2):
        await complete.ask("one")
        await complete.ask("two")
        await complete.ask("one", user_id=other)

    rows = await told(complete)

    assert len(rows) == 3
    assert len({row["event_id"] for row in rows}) == 1


async def test_another_state_is_another_event_and_an_earlier_state_that_returns_too(complete: CaseSteps) -> None:
    await complete.ask("url")
    await complete.download("a")
    job = await complete.claim()
    await complete.work(job)
    await complete.finish(job)

    await complete.ask("url")

    events = await complete.events()
    assert [event["job_id"] is None for event in events] == [False, True, False, True]
    moments = [event["body"]["completed_at"] for event in events]
    assert moments == sorted(set(moments))


async def test_the_case_tells_of_the_url_that_was_asked_for_last(complete: CaseSteps) -> None:
    for url in ("one", "two", "one"):
        await complete.ask(url)

        overview = await complete.run(lambda c: processes.overview(c, complete.number, complete.user_id))
        assert overview is not None
        assert overview.subscription is not None
        assert overview.subscription.url == f"https://host.example/{url}"


@asynccontextmanager
async def no_vacuum(connection: Connection) -> AsyncIterator[None]:
    """Stop autovacuum: it would write after other tests, and the log is that of the whole server."""
    await connection.execute("ALTER SYSTEM SET autovacuum = off")
    await connection.execute("SELECT pg_reload_conf()")
    cleaning = "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'autovacuum%'"
    try:
        async with asyncio.timeout(60):
            while await connection.fetch_val(cleaning):  # noqa: ASYNC110  (PostgreSQL sends no event)
                await asyncio.sleep(0.05)
        yield
    finally:
        await connection.execute("ALTER SYSTEM RESET autovacuum")
        await connection.execute("SELECT pg_reload_conf()")


async def test_polls_of_a_large_complete_case_write_next_to_nothing(steps: CaseSteps) -> None:
    await steps.register(*(listed(str(place)) for place in range(DOCUMENTS)))
    await steps.fetch("UPDATE documents SET status = 'processing' WHERE process_number = :number")
    await steps.fetch(
        "UPDATE documents SET status = 'available', storage_key = id, size = 1, sha256 = repeat('0', 64),"
        " mime_type = 'text/plain', completed_at = now() WHERE process_number = :number"
    )
    async with steps.database.connection() as connection, no_vacuum(connection):
        await connection.execute("CHECKPOINT")
        before = await connection.fetch_val("SELECT pg_current_wal_lsn()")

        for poll in range(POLLS):
            await steps.ask("url")
            if poll == 0:
                await deliver(steps)

        written = await connection.fetch_val(
            "SELECT pg_current_wal_lsn() - CAST(:before AS pg_lsn)", {"before": before}
        )
    assert 0 < written < WRITTEN_MAX
    assert len(await told(steps)) == 1
