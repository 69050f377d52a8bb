"""What the first page of the console reads: for administrators of everybody, for users their own."""

from datetime import UTC, datetime

import pytest

from service.database.connection import Database
from service.database.console import overview
from service.database.portal import portal_state
from service.domain.errors import ErrorCode
from tests.support.database.case_steps import CaseSteps, listed
from tests.support.deliveries.deliveries import add_user, schedule, update


async def fail_one_of_three(steps: CaseSteps) -> None:
    """End a job with one failed document."""
    await steps.register(*(listed(str(origin)) for origin in range(3)))
    await steps.ask()
    job = await steps.claim()
    first, *others = (await steps.tasks(job)).values()
    for task in (first, *others):
        await steps.start(job, task)
    await steps.fail(job, first, ErrorCode.TRUNCATED)
    for task in others:
        await steps.store(job, task)
    await steps.finish(job)


async def test_users_see_their_own_failures_and_hours(quiet_database: Database, steps: CaseSteps) -> None:
    await fail_one_of_three(steps)
    stranger, _ = await add_user(quiet_database)

    async with quiet_database.connection() as connection:
        (failure,) = await overview.last_failures(connection, steps.user_id, limit=8)
        hours = await overview.hours(connection, steps.user_id)
        everybody = await overview.last_failures(connection, None, limit=8)
        all_hours = await overview.hours(connection, None)
        assert await overview.last_failures(connection, stranger, limit=8) == []
        assert sum(each.downloaded for each in await overview.hours(connection, stranger)) == 0

    assert (failure.process_number, failure.failed_documents) == (steps.number.digits, 1)
    assert failure.error_code == ErrorCode.TRUNCATED
    assert failure in everybody
    assert len(hours) == 48
    assert (hours[-1].hour <= datetime.now(UTC), hours[-1].downloaded, hours[-1].failed) == (True, 2, 1)
    assert all_hours[-1].downloaded >= 2


async def test_a_queue_is_told_with_its_user(quiet_database: Database, steps: CaseSteps) -> None:
    await steps.register(listed("1"))
    await steps.ask()
    stranger, _ = await add_user(quiet_database)

    async with quiet_database.connection() as connection:
        (own,) = await overview.queue(connection, steps.user_id, limit=8)
        assert own in [
            overview.QueueOfUser(each.name, each.waiting, own.oldest)
            for each in await overview.queue(connection, None, limit=1000)
        ]
        assert await overview.queue(connection, stranger, limit=8) == []

    assert own.waiting == 1
    assert own.oldest >= 0


async def test_a_host_that_fails_is_told_with_its_last_error(quiet_database: Database) -> None:
    user_id, _ = await add_user(quiet_database)
    stranger, _ = await add_user(quiet_database)
    ended = "status = 'failed', next_attempt_at = NULL, ring_at = NULL"
    first, second = await schedule(quiet_database, user_id, "https://a.example/1", "https://a.example/2")
    await update(quiet_database, first, f"{ended}, last_error = 'older', completed_at = now() - interval '1 hour'")
    await update(quiet_database, second, f"{ended}, last_error = 'newer', completed_at = now()")
    (late,) = await schedule(quiet_database, user_id, "https://long-ago.example/")
    await update(quiet_database, late, f"{ended}, completed_at = now() - interval '3 days'")

    async with quiet_database.connection() as connection:
        (host,) = await overview.failing_hosts(connection, user_id, limit=8)
        assert host in await overview.failing_hosts(connection, None, limit=1000)
        assert await overview.failing_hosts(connection, stranger, limit=8) == []

    assert (host.host, host.failed, host.last_error) == ("a.example", 2, "newer")


@pytest.fixture
async def refused_token(quiet_database: Database) -> str:
    token = "a token that the portal refuses"
    async with quiet_database.connection() as connection:
        await portal_state.note_refusal(connection, token)
    return token


async def test_the_portal_is_told_as_the_processes_report_it(quiet_database: Database, refused_token: str) -> None:
    async with quiet_database.connection() as connection:
        now = await overview.portal_now(connection, refused_token)
        other = await overview.portal_now(connection, "another token")
        await portal_state.note_acceptance(connection, refused_token)

    assert now.refused_at is not None
    assert other.refused_at is None
    assert (now.workers, now.in_use, now.token_expires_in) == (0, 0, None)
