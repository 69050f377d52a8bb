"""Computes how many slots at the portal a worker should have, from the demand of the users of all workers."""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import TypeVar
from uuid import UUID

from service.portal.gate import CHECKS_USER

_Key = TypeVar("_Key", bound=Hashable)
_EPSILON = 1e-9


#: Requests per worker and user.
Requests = Mapping[UUID, Mapping[UUID, int]]


def fair_share(total: int, wanted: Requests, worker_id: UUID, *, rotation: int, singles: Requests | None = None) -> int:
    """Return the number of slots for the worker `worker_id`.

    Users get equal parts of `total`, but none more than it wants, whichever workers run its jobs. In a user's part,
    requests outside batches (`singles`, included in `wanted`) get slots first. `CHECKS_USER` is a user too, but gets
    only what such requests of all users leave. Workers that have the same data compute shares whose sum is at most
    `total`. Slots that cannot be divided go to the workers in turn, by `rotation`.
    """
    shares = _divide_among_users(total, wanted, singles or {})
    whole = {each: int(share + _EPSILON) for each, share in shares.items()}
    left = round(sum(shares.values())) - sum(whole.values())
    with_rest = sorted(each for each, share in shares.items() if share - whole[each] > _EPSILON)
    if worker_id not in with_rest:
        return whole.get(worker_id, 0)
    position = (with_rest.index(worker_id) - rotation) % len(with_rest)
    return whole[worker_id] + (position < left)


def _divide_among_users(total: int, wanted: Requests, singles: Requests) -> dict[UUID, float]:
    by_user: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for worker_id, users in wanted.items():
        for user_id, count in users.items():
            by_user[user_id][worker_id] = count
    of_users = _divide_with_checks(total, by_user, singles)
    shares: dict[UUID, float] = defaultdict(float)
    for user_id, counts in by_user.items():
        first = {each: min(count, singles.get(each, {}).get(user_id, 0)) for each, count in counts.items()}
        of_first = _divide(of_users[user_id], first)
        left = max(0.0, of_users[user_id] - sum(of_first.values()))
        of_rest = _divide(left, {each: count - first[each] for each, count in counts.items()})
        for worker_id in counts:
            shares[worker_id] += of_first[worker_id] + of_rest[worker_id]
    return shares


def _divide_with_checks(total: int, by_user: Mapping[UUID, Mapping[UUID, int]], singles: Requests) -> dict[UUID, float]:
    wanted = {user_id: sum(counts.values()) for user_id, counts in by_user.items()}
    equal = _divide(total, wanted)
    if CHECKS_USER not in wanted:
        return equal
    others = {user_id: count for user_id, count in wanted.items() if user_id != CHECKS_USER}
    alone = _divide(total, others)
    of_singles = sum(
        min(share, sum(each.get(user_id, 0) for each in singles.values())) for user_id, share in alone.items()
    )
    of_checks = max(0.0, min(equal[CHECKS_USER], total - of_singles))
    return _divide(total - of_checks, others) | {CHECKS_USER: of_checks}


def _divide(total: float, wanted: Mapping[_Key, int]) -> dict[_Key, float]:
    """Divide `total` into equal parts, none larger than what is wanted."""
    shares: dict[_Key, float] = {}
    left = total
    for number, (key, count) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
        shares[key] = min(float(count), left / (len(wanted) - number))
        left -= shares[key]
    return shares
