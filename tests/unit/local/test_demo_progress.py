"""The demo's output for a status, on a terminal and elsewhere."""

import io
from typing import Any

import pytest
from rich.console import Console

from service.local.demo.client import CaseDocument, CaseStatus
from service.local.demo.progress import PlainLines, progress_display, visible_documents


def documents(*statuses: str) -> tuple[CaseDocument, ...]:
    unknown: dict[str, Any] = {"size": None, "mime_type": None, "sha256": None, "download_url": None}
    return tuple(CaseDocument(name=f"Document {i}.pdf", status=each, **unknown) for i, each in enumerate(statuses))


def status_of(*statuses: str) -> CaseStatus:
    done = sum(each == "available" for each in statuses)
    return CaseStatus("processing", len(statuses), done, 0, 100 * done / len(statuses), documents(*statuses))


def test_what_is_downloaded_comes_before_what_waits() -> None:
    waiting_first = documents("pending", "available", "processing", "pending")

    assert visible_documents(waiting_first, 1) == {2}
    assert visible_documents(waiting_first, 2) == {0, 2}
    assert visible_documents(waiting_first, 3) == {0, 2, 3}


def test_the_room_that_is_left_is_for_the_last_that_were_settled() -> None:
    assert visible_documents(documents("available", "failed", "available", "processing"), 2) == {2, 3}
    assert visible_documents(documents("available", "available"), 9) == {0, 1}
    assert visible_documents(documents("available", "pending"), 1) == {1}


def test_elsewhere_there_is_a_line_for_every_twenty_percent(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines()
    for done in (0, 0, 1, 4, 5, 9, 10, 10):
        lines.show(status_of(*["available"] * done, *["pending"] * (10 - done)))

    shown = [line.split(" of ")[0].split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert shown == ["0", "4", "9", "10"]


def test_a_terminal_shows_a_bar_per_document_and_one_over_all() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=10, _environ={"TERM": "xterm"})
    with progress_display(console) as display:
        display.show(status_of("pending", "pending", "pending"))
        display.show(status_of("available", "processing", "pending"))

    drawn = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    last = drawn.rpartition("All documents")[2]
    assert "1 of 3" in last
    assert [word for word in last.split() if word in {"available", "processing", "pending"}] == [
        *("available", "processing", "pending"),
    ]


def test_a_low_terminal_shows_the_work_at_hand() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=4, _environ={"TERM": "xterm"})
    with progress_display(console) as display:
        display.show(status_of("available", "available", "processing", "pending", "pending"))

    drawn = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    last = drawn.rpartition("All documents")[2]
    assert ("Document 2.pdf" in last, "Document 3.pdf" in last) == (True, True)
    assert ("Document 1.pdf" in last, "Document 4.pdf" in last) == (False, False)
