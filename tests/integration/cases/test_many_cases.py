"""A person asks for many cases at once."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

from service.actions import many_cases
from service.actions.shared_listings import SharedListings
from service.actions.state import ActionState
from service.domain.process_number import ProcessNumber
from tests.support.database.case_steps import CaseSteps, listed


class SilentQueue:
    """Records the jobs and enqueues none."""

    def __init__(self) -> None:
        self.enqueued: list[Any] = []

    async def enqueue_job(self, job_id: Any) -> bool:
        """As `TaskQueue.enqueue_job`."""
        self.enqueued.append(job_id)
        return True


def state_of(steps: CaseSteps, queue: SilentQueue) -> ActionState:
    """A state whose portal nobody may ask."""
    nobody = cast(Any, SimpleNamespace())
    listings = SharedListings(steps.database, nobody, nobody, nobody, limited=steps.database)
    return ActionState(database=steps.database, listings=listings, queue=cast(Any, queue), event_limit=1, arrived=0.0)


async def test_unknown_cases_are_left_to_the_workers_and_known_ones_start(
    steps: CaseSteps, supply: Iterator[str]
) -> None:
    queue = SilentQueue()
    state = state_of(steps, queue)
    await steps.register(listed("a"))
    unknown = ProcessNumber.parse(next(supply))
    known = await many_cases.known_cases(state, [steps.number, unknown])
    assert many_cases.starting(known) == 2

    await many_cases.request_many(state, known, user_id=steps.user_id, request_id="many")

    rows = await steps.fetch(
        "SELECT process_number, refresh, lane FROM jobs WHERE process_number = ANY(:numbers) AND :number <> ''",
        numbers=[steps.number.digits, unknown.digits],
    )
    assert {(row["process_number"], row["lane"]) for row in rows} == {(steps.number.digits, 1), (unknown.digits, 1)}
    assert len(queue.enqueued) == 2


async def test_what_is_complete_or_under_way_starts_nothing_more(steps: CaseSteps) -> None:
    queue = SilentQueue()
    state = state_of(steps, queue)
    await steps.register(listed("a"))
    await steps.complete()
    known = await many_cases.known_cases(state, [steps.number])

    await many_cases.request_many(state, known, user_id=steps.user_id, request_id="many")

    assert (many_cases.starting(known), queue.enqueued) == (0, [])
