"""Pauses that double until something succeeds."""

from service.domain.errors import ErrorCode
from service.portal.errors import Blocked, Busy
from service.portal.gate import Gate
from service.portal.pauses import FIREWALL_PAUSES, Doubling, Pauses


def test_each_pause_is_twice_as_long_up_to_a_bound() -> None:
    doubling, now, seconds = Doubling(1.0, 60.0), 100.0, []
    for _ in range(9):
        seconds.append(doubling.step(now, now))
        now += seconds[-1] + 1

    assert seconds == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_requests_of_one_crowd_are_one_step() -> None:
    doubling = Doubling(10.0, 60.0)

    first = doubling.step(100.0, 101.0)
    crowd = [doubling.step(100.5, 102.0) for _ in range(20)]

    assert (first, set(crowd)) == (10.0, {9.0})
    assert doubling.step(112.0, 112.0) == 20.0


def test_a_success_begins_anew_unless_it_was_asked_for_before() -> None:
    doubling = Doubling(1.0, 60.0)
    doubling.step(100.0, 100.0)
    doubling.step(102.0, 102.0)
    doubling.reset(101.0)
    assert doubling.step(105.0, 105.0) == 4.0

    doubling.reset(110.0)

    assert doubling.step(111.0, 111.0) == 1.0


async def test_a_pause_closes_the_gate_and_is_told() -> None:
    told: list[float] = []

    async def tell(seconds: float) -> None:
        told.append(seconds)

    gate = Gate(1)
    pauses = Pauses(gate, tell)

    await pauses.begin(Blocked(ErrorCode.PORTAL_UNAVAILABLE, ""), asked_at=1.0)
    assert told == [FIREWALL_PAUSES[0]]
    assert FIREWALL_PAUSES[0] - 1 < gate.pause_left <= FIREWALL_PAUSES[0]

    await pauses.begin(Busy(ErrorCode.PORTAL_UNAVAILABLE, "", retry_after=300.0), asked_at=1.0)
    assert told[1:] == [300.0]
    assert 299 < await pauses.left() <= 300
