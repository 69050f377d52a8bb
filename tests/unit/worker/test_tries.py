"""How often and when a document is tried."""

import pytest

from service.domain.errors import ErrorCode
from service.portal.errors import (
    AccessDenied,
    AddressRefused,
    Blocked,
    Busy,
    NotFound,
    NotReady,
    PortalError,
    PresumedDenied,
    Unavailable,
)
from worker.downloads.tries import NOT_READY_MAX, Tries

CODE = ErrorCode.PORTAL_UNAVAILABLE


def delays(error: PortalError, times: int, limit: int = 3) -> list[float | None]:
    tries = Tries(limit)
    return [tries.delay(error) for _ in range(times)]


def test_what_may_pass_is_tried_as_often_as_the_limit_says() -> None:
    first, second, third = delays(Unavailable(CODE, ""), 3)

    assert third is None
    assert 1 <= (first or 0) <= 1.25
    assert 2 <= (second or 0) <= 2.5


def test_the_portal_may_ask_for_more_time() -> None:
    (first, *_) = delays(Unavailable(CODE, "", retry_after=60.0), 1)

    assert 60 <= (first or 0) <= 75


@pytest.mark.parametrize("kind", [AccessDenied, AddressRefused])
def test_what_the_portal_says_in_so_many_words_is_believed_at_once(kind: type[PortalError]) -> None:
    assert delays(kind(CODE, ""), 1) == [None]


@pytest.mark.parametrize("kind", [NotFound, PresumedDenied])
def test_what_it_only_seems_to_say_is_asked_for_once_more(kind: type[PortalError]) -> None:
    first, second = delays(kind(CODE, ""), 2, limit=10)

    assert (first is not None, second) == (True, None)


@pytest.mark.parametrize("kind", [Busy, Blocked])
def test_a_wish_for_quiet_is_no_attempt_however_often(kind: type[PortalError]) -> None:
    tries = Tries(1)

    assert {tries.delay(kind(CODE, "")) for _ in range(10_000)} == {0.0}
    assert tries.count == 0


@pytest.mark.parametrize("retry_after", [None, 0.0, 7.0, 600.0])
def test_what_is_never_ready_fails_in_the_end(retry_after: float | None) -> None:
    tries, waited = Tries(3), 0.0
    while (delay := tries.delay(NotReady(CODE, "", retry_after=retry_after))) is not None:
        waited += delay

    assert tries.count == 3
    assert NOT_READY_MAX <= waited <= 5 * NOT_READY_MAX
