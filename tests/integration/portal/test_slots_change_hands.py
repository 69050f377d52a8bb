"""A slot that one worker no longer needs is used by another one at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from service.database.connection import Database, create_database
from service.portal_access import slots
from tests.integration.portal.test_portal_share import TOTAL, agree, opened, workers


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    pool = create_database(database_url, application_name="tests", max_size=8)
    await pool.connect()
    yield pool
    await pool.close()


async def test_a_slot_changes_hands_as_soon_as_its_request_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workers(database, 2) as [first, second]:
        job = await first.ask(30)
        await agree(first)
        waiting = await second.ask(30)
        await second.agree()
        # Neither waits for its next renewal.
        for interval in ("BUSY_RENEWAL_INTERVAL", "SHORT_INTERVAL"):
            monkeypatch.setattr(slots, interval, 600.0)
        keeping = [asyncio.create_task(worker.share.keep_for_ever()) for worker in (first, second)]
        async with asyncio.timeout(60):
            while first.gate.limit == TOTAL:  # noqa: ASYNC110  (a row in a database)
                await asyncio.sleep(0.01)

        for given in range(1, 6):
            await job.end_one()
            await opened(waiting, given)

        assert (first.gate.in_flight, second.gate.in_flight) == (5, 5)
        for task in keeping:
            task.cancel()
        await asyncio.wait(keeping)


async def test_a_worker_looks_for_the_next_job_before_its_slots_have_nothing_to_do(database: Database) -> None:
    async with workers(database, 1) as [worker]:
        assert not worker.share.wants_more_work
        job = await worker.ask(2 * TOTAL)
        await agree(worker)
        assert not worker.share.wants_more_work
        await job.end_one()

        assert worker.share.wants_more_work
