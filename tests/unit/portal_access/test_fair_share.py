"""How the slots at the portal are divided among users, over all workers."""

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.portal.gate import CHECKS_USER
from service.portal_access.fair_share import fair_share

A, B, C = (UUID(int=number) for number in (1, 2, 3))
W1, W2, W3 = (UUID(int=number) for number in (11, 12, 13))
UUIDS = [CHECKS_USER, *(UUID(int=number) for number in range(1, 8))]

Wanted = dict[UUID, dict[UUID, int]]


def shares(total: int, wanted: Wanted, *, rotation: int = 0) -> list[int]:
    return [fair_share(total, wanted, worker, rotation=rotation) for worker in wanted]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({W1: {A: 5}}, [5]),
        ({W1: {A: 50}}, [10]),
        ({W1: {A: 50}, W2: {}}, [10, 0]),
        ({W1: {A: 50}, W2: {A: 50}}, [5, 5]),
        ({W1: {A: 50}, W2: {A: 2}}, [8, 2]),
        ({W1: {A: 50}, W2: {B: 50}}, [5, 5]),
        ({W1: {A: 50}, W2: {B: 1}}, [9, 1]),
        # B gets as many as A, although A's jobs run on all three workers.
        ({W1: {A: 50}, W2: {A: 50}, W3: {B: 50}}, [3, 2, 5]),
        ({W1: {A: 50, B: 50}, W2: {A: 50}}, [8, 2]),
        ({}, []),
    ],
)
def test_users_get_equal_parts_of_what_they_need(wanted: Wanted, expected: list[int]) -> None:
    assert shares(10, wanted) == expected


def test_what_cannot_be_divided_goes_to_one_worker_after_the_other() -> None:
    wanted = {worker: {user: 5} for worker, user in ((W1, A), (W2, B), (W3, C))}

    assert [shares(1, wanted, rotation=rotation) for rotation in range(3)] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_a_worker_that_wants_nothing_gets_nothing() -> None:
    assert fair_share(10, {W1: {A: 5}}, W2, rotation=0) == 0


def test_what_was_asked_for_one_by_one_goes_before_a_batch_of_its_user_in_another_worker() -> None:
    batches = {W1: {A: 12}, W2: {A: 12}, W3: {A: 12}}
    wanted = {**batches, W3: {A: 12 + 5}}

    divided = [fair_share(10, wanted, worker, rotation=0, singles={W3: {A: 5}}) for worker in wanted]

    # Its five, and a third of the rest.
    assert (divided[2] - 5, sum(divided)) in {(1, 10), (2, 10)}


@given(
    total=st.integers(0, 20),
    counts=st.dictionaries(
        st.sampled_from(list(product(UUIDS, UUIDS))), st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30
    ),
    rotation=st.integers(0, 1000),
)
def test_the_sum_is_all_that_there_is_or_all_that_is_wanted(
    total: int, counts: dict[tuple[UUID, UUID], tuple[int, int]], rotation: int
) -> None:
    wanted: Wanted = {}
    singles: Wanted = {}
    for (worker, user), (single, batch) in counts.items():
        wanted.setdefault(worker, {})[user] = single + batch
        singles.setdefault(worker, {})[user] = single

    divided = [fair_share(total, wanted, worker, rotation=rotation, singles=singles) for worker in wanted]

    assert sum(divided) == min(total, sum(map(sum, counts.values())))
    assert all(0 <= share <= sum(users.values()) for share, users in zip(divided, wanted.values(), strict=True))


@pytest.mark.parametrize(
    ("wanted", "singles", "expected"),
    [
        # Alone, checks get all that they want.
        ({W1: {CHECKS_USER: 5}}, {}, [5]),
        # A batch is a user beside them.
        ({W1: {CHECKS_USER: 5}, W2: {A: 50}}, {}, [5, 5]),
        ({W1: {CHECKS_USER: 5}, W2: {A: 50}, W3: {B: 50}}, {}, [3, 3, 4]),
        # What is interactive goes before them, whatever its user has beside it.
        ({W1: {CHECKS_USER: 5}, W2: {A: 50}}, {W2: {A: 8}}, [2, 8]),
        ({W1: {CHECKS_USER: 5}, W2: {A: 50}}, {W2: {A: 50}}, [0, 10]),
        ({W1: {CHECKS_USER: 5}, W2: {A: 6}, W3: {B: 6}}, {W2: {A: 6}, W3: {B: 1}}, [3, 4, 3]),
        ({W1: {CHECKS_USER: 5}, W2: {A: 2}}, {W2: {A: 2}}, [5, 2]),
    ],
)
def test_checks_get_what_interactive_work_leaves(wanted: Wanted, singles: Wanted, expected: list[int]) -> None:
    divided = [fair_share(10, wanted, worker, rotation=0, singles=singles) for worker in wanted]

    assert sum(divided) == sum(expected)
    assert all(abs(share - right) <= 1 for share, right in zip(divided, expected, strict=True))
    assert divided[0] <= expected[0] + 1
