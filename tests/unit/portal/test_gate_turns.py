"""The gate between users, and what happens to requests whose slots were leased and are lost."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest

from service.domain.jobs import Lane
from service.portal.errors import Busy
from service.portal.gate import CHECKS_USER, Demand, Gate, Pass
from tests.support.loop_clock import running_loop_clock
from tests.unit.portal.test_gate import settled

LEASE = 10.0  # seconds


class Job:
    """Requests of one user. Each stays open until it is told to end."""

    def __init__(self, gate: Gate, user_id: UUID, count: int, *, lane: int = 0) -> None:
        self._pass = gate.pass_for(user_id, lane)
        self.open: list[asyncio.Event] = []
        self.tasks = [asyncio.create_task(self._ask(self._pass)) for _ in range(count)]

    async def _ask(self, passing: Pass) -> None:
        async with passing.admitted():
            end = asyncio.Event()
            self.open.append(end)
            try:
                await end.wait()
            finally:
                self.open.remove(end)

    async def end_one(self) -> None:
        """End the oldest open request."""
        self.open[0].set()
        await settled()

    async def stop(self) -> None:
        """End all of them."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_a_user_alone_has_every_slot() -> None:
    gate = Gate(10)
    job = Job(gate, uuid4(), 30)
    await settled()

    assert len(job.open) == 10
    await job.stop()


async def test_a_large_case_gives_its_slots_up_one_by_one_when_another_user_comes() -> None:
    gate = Gate(4)
    large = Job(gate, uuid4(), 100)
    await settled()
    small = Job(gate, uuid4(), 100)
    await settled()
    seen = [(len(large.open), len(small.open))]
    for _ in range(4):
        await large.end_one()
        seen.append((len(large.open), len(small.open)))

    assert seen == [(4, 0), (3, 1), (2, 2), (2, 2), (2, 2)]
    await large.stop()
    await small.stop()


async def test_one_slot_goes_round_between_users_however_many_requests_each_has() -> None:
    gate = Gate(1)
    users = [uuid4() for _ in range(3)]
    order: list[UUID] = []

    async def ask(user_id: UUID) -> None:
        async with gate.pass_for(user_id, 0).admitted():
            order.append(user_id)
            await asyncio.sleep(0)

    await asyncio.gather(
        *(ask(user_id) for user_id, count in zip(users, (30, 4, 4), strict=True) for _ in range(count))
    )

    assert Counter(order[:12]) == Counter(dict.fromkeys(users, 4))
    assert all(len(set(order[start : start + 3])) == 3 for start in range(0, 12, 3))


async def test_what_a_user_has_open_in_other_processes_counts() -> None:
    gate = Gate(0)
    busy, idle = uuid4(), uuid4()
    jobs = [Job(gate, busy, 5), Job(gate, idle, 5)]
    await settled()

    gate.set_limit(4, elsewhere={busy: 3})
    await settled()

    assert [len(job.open) for job in jobs] == [1, 3]
    for job in jobs:
        await job.stop()


async def test_within_a_user_what_was_asked_for_one_by_one_goes_before_a_batch() -> None:
    gate, user_id = Gate(1), uuid4()
    batch = Job(gate, user_id, 5, lane=1)
    await settled()
    single = Job(gate, user_id, 1, lane=0)
    await settled()

    await batch.end_one()

    assert (len(batch.open), len(single.open)) == (0, 1)
    await batch.stop()
    await single.stop()


async def test_the_demand_of_each_user_is_told() -> None:
    gate, first, second = Gate(2), uuid4(), uuid4()
    jobs = [Job(gate, first, 2, lane=1), Job(gate, first, 1), Job(gate, second, 1)]
    await settled()

    assert gate.demand == {first: Demand(3, 2, singles=1), second: Demand(1, 0, singles=1)}
    assert gate.changed.is_set()
    assert (gate.take_peak(), gate.take_peak()) == (4, 4)
    for job in jobs:
        await job.stop()
    assert (gate.demand, gate.take_peak(), gate.take_peak()) == ({}, 4, 0)


async def test_a_request_is_cut_off_when_the_lease_of_its_slot_ends() -> None:
    gate = Gate(0)
    with running_loop_clock() as clock:
        gate.set_limit(2, until=clock.time() + LEASE)
        job = Job(gate, uuid4(), 3)
        await settled()

        clock.put_forward(LEASE)
        await asyncio.wait(job.tasks[:2])

        assert [type(task.exception()) for task in job.tasks[:2]] == [Busy, Busy]
        # No other request enters.
        assert (gate.in_flight, gate.waiting, job.tasks[2].done()) == (0, 1, False)
        gate.set_limit(1, until=clock.time() + LEASE)
        await settled()
        assert (gate.in_flight, gate.waiting) == (1, 0)
        await job.stop()


async def test_a_lease_that_is_renewed_keeps_requests_open() -> None:
    gate = Gate(0)
    with running_loop_clock() as clock:
        gate.set_limit(1, until=clock.time() + LEASE)
        job = Job(gate, uuid4(), 1)
        await settled()
        for _ in range(3):
            clock.put_forward(0.9 * LEASE)
            gate.set_limit(1, until=clock.time() + LEASE)
            await settled()

        assert gate.in_flight == 1
        await job.stop()


async def test_a_process_that_stood_still_after_an_admission_sends_nothing() -> None:
    gate = Gate(0)
    with running_loop_clock() as clock:
        job = Job(gate, uuid4(), 1)
        await settled()
        # It got a slot, and is frozen before the request goes on.
        gate.set_limit(1, until=clock.time() + LEASE)
        clock.put_forward(LEASE)
        await settled()

        assert (job.open, gate.in_flight, gate.waiting) == ([], 0, 1)
        await job.stop()


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_who_is_cancelled_while_admitted_leaves_no_slot_behind(turns: int) -> None:
    gate = Gate(0)
    job = Job(gate, uuid4(), 2)
    await settled()
    gate.set_limit(1)
    for _ in range(turns - 1):
        await asyncio.sleep(0)
    job.tasks[0].cancel()
    await settled()

    assert (gate.in_flight, len(job.open)) == (1, 1)
    await job.stop()
    assert (gate.in_flight, gate.waiting, gate.demand) == (0, 0, {})


async def test_only_the_end_of_a_request_beyond_the_limit_leaves_a_slot_to_give_back() -> None:
    gate = Gate(3)
    job = Job(gate, uuid4(), 30)
    await settled()
    gate.set_limit(2)
    seen = []
    for _ in range(2):
        await job.end_one()
        seen.append((len(job.open), gate.freed.is_set()))
        gate.freed.clear()

    assert seen == [(2, True), (2, False)]
    await job.stop()


async def test_a_check_waits_while_anything_interactive_does() -> None:
    gate = Gate(1)
    single, check = Job(gate, uuid4(), 3), Job(gate, CHECKS_USER, 1, lane=Lane.CHECK)
    await settled()

    for _ in range(2):
        await single.end_one()
        assert (len(single.open), len(check.open)) == (1, 0)
    await single.end_one()

    assert (len(single.open), len(check.open)) == (0, 1)
    await check.stop()


async def test_checks_take_turns_with_batches() -> None:
    gate = Gate(1)
    batch, check = Job(gate, uuid4(), 4, lane=Lane.BATCH), Job(gate, CHECKS_USER, 2, lane=Lane.CHECK)
    await settled()

    order = list[str]()
    while batch.open or check.open:
        order.append("batch" if batch.open else "check")
        await (batch if batch.open else check).end_one()

    assert order == ["batch", "check", "batch", "check", "batch", "batch"]
