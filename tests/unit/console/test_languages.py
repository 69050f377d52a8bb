"""Which language a visitor gets, and how it writes numbers, sizes and times."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from service.console.languages.choice import Language, chosen
from service.console.languages.formats import Formats

PT, EN = Language.PORTUGUESE, Language.ENGLISH


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", PT),
        (None, "en", EN),
        (None, "EN-us", EN),
        (None, "pt", PT),
        (None, "pt-PT,en;q=0.9", PT),
        (None, "de,en;q=0.5,pt;q=0.4", EN),
        (None, "en;q=0.4, pt-BR;q=0.8", PT),
        (None, "en;q=0,*", PT),
        (None, "en;q=oops", PT),
        (None, ";;,q=,en", EN),
        ("en", "pt", EN),
        ("pt-BR", "en", PT),
        ("fr", "en", EN),
        ("", "en", EN),
    ],
)
def test_the_switch_goes_before_the_browser(cookie: str | None, accepted: str, language: Language) -> None:
    assert chosen(cookie, accepted) is language


def test_each_language_writes_as_its_readers_do() -> None:
    portuguese, english = Formats(PT), Formats(EN)
    late = datetime(2026, 2, 1, 2, 5, tzinfo=UTC)  # the day before, in Brasilia

    assert (portuguese.number(1234567), english.number(1234567)) == ("1.234.567", "1,234,567")
    assert (portuguese.number(-1.25, 1), english.number(0.5, 1)) == ("-1,2", "0.5")
    assert (portuguese.size(1_500_000), english.size(1_500_000)) == ("1,5 MB", "1.5 MB")
    assert (portuguese.money(Decimal("1234.5")), english.money(Decimal("1234.5"))) == ("R$ 1.234,50", "R$ 1,234.50")
    assert (portuguese.time(late), english.time(late)) == ("31/01/2026 23:05", "31 Jan 2026, 23:05")
    assert (portuguese.date(date(2026, 2, 1)), english.date(late)) == ("01/02/2026", "31 Jan 2026")


@pytest.mark.parametrize(
    ("size", "written"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (9_999, "10.0 kB"), (999_999, "1.0 MB")],
)
def test_a_size_is_told_in_units_of_a_thousand(size: int, written: str) -> None:
    assert Formats(EN).size(size) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (86_400, "1 d"), (90_000, "1 d 1 h")],
)
def test_a_length_of_time_is_told_in_two_units(seconds: float, written: str) -> None:
    assert Formats(PT).duration(seconds) == written


def test_a_hundred_percent_is_said_only_of_all() -> None:
    assert [Formats(PT).percent(value) for value in (0, 99.99, 100.0)] == ["0 %", "99 %", "100 %"]
