"""How many slots at the portal a worker should have, from what the users of all workers need."""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import TypeVar
from uuid import UUID

_Key = TypeVar("_Key", bound=Hashable)
_EPSILON = 1e-9


#: Requests per worker and user.
Requests = Mapping[UUID, Mapping[UUID, int]]


def fair_share(total: int, wanted: Requests, worker_id: UUID, *, rotation: int, singles: Requests | None = None) -> int:
    """The slots of one worker.

    Users get equal parts, none more than it needs, wherever its jobs run. Of a user's part, what was asked for one by
    one (`singles`, a part of `wanted`) has what it needs, and batches the rest. All workers that know the same come to
    shares whose sum is not above `total`. What cannot be divided goes to one worker after the other with `rotation`.
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
    of_users = _divide(total, {user_id: sum(counts.values()) for user_id, counts in by_user.items()})
    shares: dict[UUID, float] = defaultdict(float)
    for user_id, counts in by_user.items():
        first = {each: min(count, singles.get(each, {}).get(user_id, 0)) for each, count in counts.items()}
        of_first = _divide(of_users[user_id], first)
        left = max(0.0, of_users[user_id] - sum(of_first.values()))
        of_rest = _divide(left, {each: count - first[each] for each, count in counts.items()})
        for worker_id in counts:
            shares[worker_id] += of_first[worker_id] + of_rest[worker_id]
    return shares


def _divide(total: float, wanted: Mapping[_Key, int]) -> dict[_Key, float]:
    """Equal parts of `total`, none larger than what is wanted."""
    shares: dict[_Key, float] = {}
    left = total
    for number, (key, count) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
        shares[key] = min(float(count), left / (len(wanted) - number))
        left -= shares[key]
    return shares
