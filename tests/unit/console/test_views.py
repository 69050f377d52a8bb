"""Bars, and the links of lists."""

import pytest

from service.console.views.bars import bar_of
from service.console.views.lists import pages_of, query_of
from service.domain.events import Counts


def test_a_bar_shows_what_is_done_and_what_failed() -> None:
    bar = bar_of(Counts(total=8, completed=4, failed=2))

    assert (bar.percent, bar.done_width, bar.failed_width) == (75.0, 50.0, 25.0)


def test_a_bar_never_goes_back_within_a_job_and_is_full_only_at_the_end() -> None:
    assert bar_of(Counts(8, 1, 0), at_least=40.0).percent == 40.0
    assert bar_of(Counts(0, 0, 0)).percent == 0.0
    assert bar_of(Counts(0, 0, 0), is_ended=True).percent == 100.0
    assert bar_of(Counts(3000, 2999, 0)).percent < 100.0


@pytest.mark.parametrize(
    ("given", "rows", "current", "skipped"),
    [(None, 0, 1, 0), ("1", 250, 1, 0), ("3", 250, 3, 200), ("9", 250, 3, 200), ("0", 250, 1, 0)]
    + [(wrong, 250, 1, 0) for wrong in ("", "-1", "x", "1e3", "²", "9" * 7)],
)
def test_any_page_number_leads_to_a_page(given: str | None, rows: int, current: int, skipped: int) -> None:
    pages = pages_of("/list", given, rows=rows, size=100)

    assert (pages.current, pages.skipped) == (current, skipped)


def test_the_links_keep_what_was_looked_for_and_escape_it() -> None:
    pages = pages_of("/list", "2", rows=250, size=100, q='"><b>&', only=None)

    assert pages.first_path == pages.previous_path == "/list?q=%22%3E%3Cb%3E%26"
    assert pages.next_path == pages.last_path == "/list?q=%22%3E%3Cb%3E%26&page=3"
    assert query_of("/list", q="", only=None) == "/list"
