"""A request that is kept until the portal lists its case again."""

from datetime import timedelta

import pytest

from service.database.cases import case_requests
from service.database.connection import Database
from service.database.jobs import jobs
from service.domain.process_number import ProcessNumber
from tests.integration.cases.test_retries import case, database, listing, wanted
from tests.support.database.claims import claim_job
from tests.support.deliveries.deliveries import add_user

__all__ = ["case", "database"]

BACKOFF = timedelta(minutes=10)


@pytest.mark.parametrize("is_listed_meanwhile", [True, False])
async def test_a_worker_that_asked_in_vain_puts_the_job_off_unless_somebody_else_got_the_listing(
    database: Database, case: ProcessNumber, *, is_listed_meanwhile: bool
) -> None:
    user_id, _key = await add_user(database)
    async with database.transaction() as connection:
        job_id = (await case_requests.accept_unlisted(connection, wanted(case, user_id, is_told=False))).job_id
    assert job_id is not None
    async with database.connection() as connection:
        job = await claim_job(connection, job_id)
        assert job is not None
        assert await jobs.wants_listing(connection, job)
        if is_listed_meanwhile:
            async with database.transaction() as transaction:
                await case_requests.register(transaction, listing(case))

        await jobs.release(connection, job, delay=BACKOFF, listing_failures=3)

        row = await connection.fetch_one(
            "SELECT ring_at <= now() AS is_due, listing_failures FROM jobs WHERE id = :id", {"id": job_id}
        )
    assert row is not None
    assert (row["is_due"], row["listing_failures"]) == ((True, 0) if is_listed_meanwhile else (False, 3))
