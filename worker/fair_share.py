"""How many slots at the portal a worker should have, from what the users of all workers need."""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import TypeVar
from uuid import UUID

_Key = TypeVar("_Key", bound=Hashable)
_EPSILON = 1e-9


def fair_share(total: int, wanted: Mapping[UUID, Mapping[UUID, int]], worker_id: UUID, *, rotation: int) -> int:
    """The slots of one worker. `wanted`: per worker and user.

    Users get equal parts, none more than it needs, wherever its jobs run. All workers that know the same come to
    shares whose sum is not above `total`. What cannot be divided goes to one worker after the other with `rotation`.
    """
    shares = _divide_among_users(total, wanted)
    whole = {each: int(share + _EPSILON) for each, share in shares.items()}
    left = round(sum(shares.values())) - sum(whole.values())
    with_rest = sorted(each for each, share in shares.items() if share - whole[each] > _EPSILON)
    if worker_id not in with_rest:
        return whole.get(worker_id, 0)
    position = (with_rest.index(worker_id) - rotation) % len(with_rest)
    return whole[worker_id] + (position < left)


def _divide_among_users(total: int, wanted: Mapping[UUID, Mapping[UUID, int]]) -> dict[UUID, float]:
    by_user: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for worker_id, users in wanted.items():
        for user_id, count in users.items():
            by_user[user_id][worker_id] = count
    of_users = _divide(total, {user_id: sum(counts.values()) for user_id, counts in by_user.items()})
    shares: dict[UUID, float] = defaultdict(float)
    for user_id, counts in by_user.items():
        for worker_id, share in _divide(of_users[user_id], counts).items():
            shares[worker_id] += share
    return shares


def _divide(total: float, wanted: Mapping[_Key, int]) -> dict[_Key, float]:
    """Equal parts of `total`, none larger than what is wanted."""
    shares: dict[_Key, float] = {}
    left = total
    for number, (key, count) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
        shares[key] = min(float(count), left / (len(wanted) - number))
        left -= shares[key]
    return shares
