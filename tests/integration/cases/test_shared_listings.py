"""Of many first requests for a case, only one asks the portal, also across processes."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from service.actions import leased_listing
from service.actions.shared_listings import Unlisted
from service.database.portal import listing_leases
from service.domain.errors import ErrorCode
from service.portal.errors import AccessDenied, NotFound, Unavailable
from tests.support.database.case_steps import CaseSteps, listed
from tests.support.http.flights import ApiProcess, HeldPortal, api_process

AWAY = Unavailable(ErrorCode.PORTAL_UNAVAILABLE, "away", retry_after=7)


@pytest.fixture
def portal() -> HeldPortal:
    """One for all processes."""
    return HeldPortal()


@pytest.fixture
async def one(steps: CaseSteps, portal: HeldPortal) -> AsyncIterator[ApiProcess]:
    """An API process."""
    async with api_process(steps.database, portal) as opened:
        yield opened


@pytest.fixture
async def other(steps: CaseSteps, portal: HeldPortal) -> AsyncIterator[ApiProcess]:
    """Another one."""
    async with api_process(steps.database, portal) as opened:
        yield opened


@pytest.fixture
def both(one: ApiProcess, other: ApiProcess) -> list[ApiProcess]:
    """The two of them."""
    return [one, other]


async def settle(tasks: "list[asyncio.Task[None]]") -> list[BaseException | None]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def lease(steps: CaseSteps) -> dict[str, object]:
    (row,) = await steps.fetch("SELECT * FROM listing_leases WHERE number = :number")
    return row


async def looked_at(steps: CaseSteps, *processes: ApiProcess) -> None:
    """Wait until each process has asked, or has seen that another one did."""
    for each in processes:
        await each.looked_at(steps.number)


async def test_fifty_first_requests_of_two_processes_ask_once(
    steps: CaseSteps, portal: HeldPortal, one: ApiProcess, other: ApiProcess
) -> None:
    asked = [process.ask(steps.number) for _ in range(25) for process in (one, other)]
    await portal.came()

    portal.answer(steps.listing(listed("a"), listed("b")))

    assert await settle(asked) == [None] * 50
    assert portal.asked == 1
    assert set(await steps.documents()) == {"a", "b"}


@pytest.mark.parametrize(
    "failure",
    [
        NotFound(ErrorCode.PROCESS_NOT_FOUND, "unknown"),
        AccessDenied(ErrorCode.PROCESS_ACCESS_DENIED, "denied"),
    ],
)
async def test_what_the_portal_refuses_it_is_asked_for_once(
    steps: CaseSteps, portal: HeldPortal, both: list[ApiProcess], failure: NotFound | AccessDenied
) -> None:
    one, other = both
    asked = [process.ask(steps.number) for _ in range(5) for process in (one, other)]
    await portal.came()
    await looked_at(steps, one, other)

    portal.answer(failure)

    outcomes = await settle(asked)
    assert [type(each) for each in outcomes] == [type(failure)] * 10
    assert portal.asked == 1


async def test_a_portal_that_is_away_is_asked_once_and_everybody_hears_when_to_come_back(
    steps: CaseSteps, portal: HeldPortal, one: ApiProcess, other: ApiProcess
) -> None:
    asked = [process.ask(steps.number, forced=True, age=5) for _ in range(5) for process in (one, other)]
    await portal.came()
    await looked_at(steps, one, other)
    place = (await lease(steps))["asked"]

    portal.answer(AWAY)
    outcomes = await settle(asked)

    assert [(each.asked, each.retry_after) for each in outcomes if isinstance(each, Unlisted)] == [(place, 7.0)] * 10
    assert portal.asked == 1


async def test_a_refresh_is_content_with_none_that_was_begun_before_it(
    steps: CaseSteps, portal: HeldPortal, one: ApiProcess, other: ApiProcess
) -> None:
    earlier = one.ask(steps.number)
    await portal.came()
    later = [process.ask(steps.number, forced=True) for _ in range(5) for process in (one, other)]
    await looked_at(steps, other)

    portal.answer(steps.listing(listed("a")))
    await earlier
    await portal.came()
    assert not any(each.done() for each in later)
    portal.answer(steps.listing(listed("a"), listed("b")))

    assert await settle(later) == [None] * 10
    assert portal.asked == 2
    assert set(await steps.documents()) == {"a", "b"}


async def test_a_case_that_was_listed_meanwhile_is_not_listed_again(
    steps: CaseSteps, portal: HeldPortal, one: ApiProcess
) -> None:
    await steps.register(listed("a"))

    await one.ask(steps.number)

    assert portal.asked == 0


async def test_an_outcome_serves_nobody_who_came_after_it(
    steps: CaseSteps, portal: HeldPortal, one: ApiProcess, other: ApiProcess
) -> None:
    first = one.ask(steps.number)
    await portal.came()
    portal.answer(AWAY)
    await settle([first])

    second = other.ask(steps.number)
    await portal.came()
    portal.answer(steps.listing(listed("a")))

    assert await settle([second]) == [None]


async def test_a_request_whose_time_is_up_leaves_the_listing_to_the_others(
    steps: CaseSteps, portal: HeldPortal, one: ApiProcess
) -> None:
    first, second = one.ask(steps.number, timeout=0.2), one.ask(steps.number)
    cancelled = one.ask(steps.number)
    await portal.came()
    cancelled.cancel()
    with pytest.raises(Unlisted):
        await first

    portal.answer(steps.listing(listed("a")))

    assert await settle([second]) == [None]
    assert portal.asked == 1


async def test_nobody_holds_a_connection_while_the_portal_is_asked(
    steps: CaseSteps, portal: HeldPortal, one: ApiProcess, other: ApiProcess
) -> None:
    asked = [process.ask(steps.number) for _ in range(25) for process in (one, other)]
    await portal.came()
    await looked_at(steps, other)

    async with asyncio.timeout(10):
        while steps.database.pool_use().in_use:  # noqa: ASYNC110  (a look at the lease takes an instant)
            await asyncio.sleep(0.01)

    portal.answer(AWAY)
    await settle(asked)


async def test_a_killed_process_holds_the_others_up_until_its_lease_ends(
    steps: CaseSteps, portal: HeldPortal, one: ApiProcess
) -> None:
    seen = await steps.run(lambda each: take(each, steps))
    assert seen.leased is not None
    waiting = one.ask(steps.number)
    await looked_at(steps, one)
    assert portal.asked == 0

    await steps.fetch(
        "UPDATE listing_leases SET expires_at = now() - interval '1 s' WHERE number = :number RETURNING 1"
    )
    await portal.came()
    portal.answer(steps.listing(listed("a")))

    assert await settle([waiting]) == [None]


async def test_a_process_that_was_frozen_undoes_nothing(steps: CaseSteps, portal: HeldPortal) -> None:
    first = await steps.run(lambda each: take(each, steps))
    assert first.leased is not None
    frozen = listing_leases.Lease(steps.number, HOLDER, first.leased)
    await steps.fetch(
        "UPDATE listing_leases SET expires_at = now() - interval '1 s' WHERE number = :number RETURNING 1"
    )
    async with api_process(steps.database, portal) as next_one:
        asked = next_one.ask(steps.number)
        await portal.came()

        await steps.run(lambda each: listing_leases.renew(each, frozen))
        await steps.run(lambda each: listing_leases.end(each, frozen, listing_leases.ListingOutcome.NOT_FOUND))
        await steps.run(lambda each: listing_leases.give_up(each, frozen))

        assert (await lease(steps))["outcome"] is None
        portal.answer(steps.listing(listed("a")))
        assert await settle([asked]) == [None]


async def test_the_lease_is_kept_while_the_portal_is_asked(
    steps: CaseSteps, portal: HeldPortal, one: ApiProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leased_listing, "RENEW_INTERVAL", 0.02)
    asked = one.ask(steps.number)
    await portal.came()
    first = (await lease(steps))["expires_at"]

    async with asyncio.timeout(10):
        while (await lease(steps))["expires_at"] == first:  # noqa: ASYNC110  (another task)
            await asyncio.sleep(0.02)

    portal.answer(AWAY)
    await settle([asked])


async def test_a_process_that_ends_gives_its_lease_back(steps: CaseSteps, portal: HeldPortal) -> None:
    async with api_process(steps.database, portal) as ending:
        asked = ending.ask(steps.number)
        await portal.came()
        asked.cancel()

    assert await steps.fetch("SELECT 1 FROM listing_leases WHERE number = :number") == []


async def test_a_job_that_waits_for_the_listing_is_woken(steps: CaseSteps, portal: HeldPortal, one: ApiProcess) -> None:
    kept = await steps.keep()
    asked = one.ask(steps.number)
    await portal.came()

    portal.answer(steps.listing(listed("a")))
    await asked

    one.queue.enqueue_job.assert_awaited_once_with(kept.job_id)


async def test_the_listing_waits_for_its_slot_as_its_user(
    steps: CaseSteps, portal: HeldPortal, one: ApiProcess
) -> None:
    asked = one.ask(steps.number, user_id=steps.user_id)
    await portal.came()
    portal.answer(AWAY)
    await settle([asked])

    assert [each.user_id for each in portal.passes] == [steps.user_id]


async def test_what_nobody_needs_any_more_is_forgotten(steps: CaseSteps, portal: HeldPortal, one: ApiProcess) -> None:
    await steps.fetch(
        "INSERT INTO listing_leases (number, holder, asked, asked_at, expires_at)"
        " VALUES (:old, :holder, 1, now(), now() - interval '2 minutes') RETURNING :number",
        old="0" * 20,
        holder=HOLDER,
    )
    asked = one.ask(steps.number)
    await portal.came()
    portal.answer(AWAY)
    await settle([asked])

    assert await steps.fetch("SELECT 1 FROM listing_leases WHERE number = :old AND :number <> ''", old="0" * 20) == []


HOLDER = uuid4()


async def take(connection: object, steps: CaseSteps) -> listing_leases.Seen:
    """Take a lease, as a process that was killed did."""
    return await listing_leases.take(
        connection,  # type: ignore[arg-type]  # as `run` gives it
        steps.number,
        HOLDER,
        is_forced=False,
        waited=listing_leases.LISTING_LEASE,
    )
