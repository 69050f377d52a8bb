"""How far the documents of a case or a job are."""

import msgspec

from service.domain.events import Counts


class Bar(msgspec.Struct, frozen=True):
    """Counts, and the parts of a bar that is 100 wide."""

    total: int
    done: int
    failed: int
    percent: float  #: of the settled documents, from 0 to 100
    done_width: float
    failed_width: float


def bar_of(counts: Counts, *, at_least: float = 0.0, is_ended: bool = False) -> Bar:
    """The bar of these counts.

    `at_least`: percent that were shown before. `is_ended`: it is full even without documents.
    """
    if not counts.total:
        percent = 100.0 if is_ended else at_least
        return Bar(0, 0, 0, percent, percent, 0.0)
    share = 100 / counts.total
    percent = max(counts.progress_percentage, at_least)
    done, failed = round(counts.completed * share, 2), round(counts.failed * share, 2)
    return Bar(counts.total, counts.completed, counts.failed, percent, done, failed)
