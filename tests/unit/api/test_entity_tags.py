"""When a client gets 304."""

import time
from typing import Any

import pytest
from starlette.requests import Request

from service.api.framework.entity_tags import case_tag, has_newest
from service.database.cases.processes import Overview, Process
from service.domain.process_number import ProcessNumber

NUMBER = ProcessNumber("00000013920248260100")
OTHER = ProcessNumber("00000021920248260100")
TTL = 3600  # seconds
PROCESS: dict[str, Any] = dict.fromkeys(Process.__struct_fields__)


def tag(kind: str = "status", number: ProcessNumber = NUMBER, version: str = "1", **process: Any) -> str:
    overview = Overview(Process(**PROCESS | process), documents_version=version)
    return case_tag(kind, number, overview, link_ttl=TTL)


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(time, "time", lambda: seconds)


def test_a_tag_changes_with_what_is_told_and_with_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 0)
    tags = [tag(), tag("numbers"), tag(number=OTHER), tag(version="2")]

    assert len(set(tags)) == len(tags)
    assert tags == [tag(), tag("numbers"), tag(number=OTHER), tag(version="2")]


def test_a_request_that_changes_nothing_that_is_shown_leaves_the_tag_as_it_is() -> None:
    assert tag(updated_at="2024-05-06") == tag(updated_at="2024-05-07")
    assert tag(state="active") != tag(state="completed")


def test_whoever_is_told_that_nothing_changed_has_links_that_live_on(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = 1_000_000_000
    at(monkeypatch, begin)
    first = tag()
    lived = 0
    while tag() == first:
        lived += 1
        at(monkeypatch, begin + lived)

    assert 0 < lived <= TTL // 2


def test_not_all_cases_change_their_tags_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = []
    for number in (NUMBER, OTHER):
        at(monkeypatch, 0)
        first, seconds = tag(number=number), 0
        while tag(number=number) == first:
            seconds += 1
            at(monkeypatch, seconds)
        ends.append(seconds)

    assert ends[0] != ends[1]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('W/"a"', True),
        ('"a"', True),
        ('W/"b", W/"a"', True),
        ("*", True),
        ('W/"b"', False),
        ("a", False),
        ("", False),
        (None, False),
    ],
)
def test_the_header_is_read_as_http_has_it(header: str | None, expected: bool) -> None:
    headers = [] if header is None else [(b"if-none-match", header.encode())]
    request: Request[Any] = Request({"type": "http", "headers": headers})

    assert has_newest(request, 'W/"a"') is expected
