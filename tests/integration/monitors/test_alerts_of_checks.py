"""Operators are told once of a case whose checks have failed for three days."""

from service.database.jobs.job_alerts import Topic
from tests.support.database.case_steps import listed
from tests.support.database.watchers import WatchedCase
from tests.support.deliveries.alerts import Witness, look


async def fail_for_days(watched: WatchedCase) -> bool:
    """Let the failures last for three days, and fail once more."""
    await watched.fail_check()
    await watched.fetch(
        "UPDATE watches SET failing_since = failing_since - interval '3 days' WHERE process_number = :number"
        " RETURNING 1"
    )
    return await watched.fail_check()


async def test_a_failing_case_is_told_once_and_again_after_it_had_recovered(watched: WatchedCase) -> None:
    witness = Witness()
    await watched.watch()
    await watched.check(listed("a"))
    await watched.fail_check()
    assert await look(watched.database, witness, topic=Topic.MONITORS) == []

    assert await fail_for_days(watched)
    (message,) = await look(watched.database, witness, topic=Topic.MONITORS, workers=3)
    assert "portal_unavailable: 1 case" in message
    assert not await watched.fail_check()
    assert await look(watched.database, witness, topic=Topic.MONITORS) == []

    await watched.check(listed("a"))
    assert await fail_for_days(watched)
    assert len(await look(watched.database, witness, topic=Topic.MONITORS)) == 1


async def test_a_case_that_has_recovered_is_not_told(watched: WatchedCase) -> None:
    witness = Witness()
    while await look(watched.database, witness, topic=Topic.MONITORS):
        pass
    await watched.watch()
    await watched.check(listed("a"))
    assert await fail_for_days(watched)

    await watched.check(listed("a"))

    assert await look(watched.database, witness, topic=Topic.MONITORS) == []
