"""How the demo shows progress: bars on a terminal, a few plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from service.local.demo.client import CaseDocument, CaseStatus

_NAME_WIDTH = 34  # columns; with the bar and the status a line fits a terminal of 80
_STEP = 20  # percent
_OVERALL_LINES = 2  # the bar for all documents, and the line of the cursor


class ProgressDisplay(Protocol):
    """Shows each status that the demo receives."""

    def show(self, status: CaseStatus) -> None:
        """Take the newest status."""


@contextmanager
def progress_display(console: Console) -> Iterator[ProgressDisplay]:
    """The display that fits the console."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield PlainLines()
        return
    bars = Bars(console)
    with bars.progress:
        yield bars


class PlainLines:
    """A line for every `_STEP` percent that were passed."""

    def __init__(self) -> None:
        self._next = 0.0

    def show(self, status: CaseStatus) -> None:
        """Print a line if there is enough news for one."""
        percentage = status.progress_percentage
        if percentage < self._next:
            return
        click.echo(f"  {percentage:5.1f} %  {settled(status)} of {status.total_documents} documents")
        self._next = (percentage // _STEP + 1) * _STEP


class Bars:
    """A bar for all documents, and one for each; if the terminal is too low, only those of `visible_documents`."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
        )
        self._room = max(1, console.height - _OVERALL_LINES)
        self._overall: TaskID | None = None
        self._documents: list[TaskID] = []
        self._shown: dict[TaskID, str] = {}

    def show(self, status: CaseStatus) -> None:
        """Redraw for a newer status."""
        if self._overall is None:
            self._overall = self.progress.add_task("All documents", total=status.total_documents, note="")
        done = settled(status)
        self.progress.update(self._overall, completed=done, note=f"{done} of {status.total_documents}")
        for document in status.documents[len(self._documents) :]:
            name = _shortened(document.name)
            self._documents.append(self.progress.add_task(name, total=1, visible=False, note=""))
        visible = visible_documents(status.documents, self._room)
        for index, (task, document) in enumerate(zip(self._documents, status.documents, strict=True)):
            self.progress.update(task, visible=index in visible)
            self._draw(task, document.status)

    def _draw(self, task: TaskID, status: str) -> None:
        """A bar that is empty while its document waits, moves while it is downloaded, and is full in the end."""
        if self._shown.get(task) == status:
            return
        self._shown[task] = status
        if status == "processing":
            self.progress.reset(task, start=False, note=status)  # rich animates a bar that was not started
            return
        self.progress.start_task(task)
        self.progress.update(task, completed=0 if status == "pending" else 1, note=status)


def visible_documents(documents: tuple[CaseDocument, ...], room: int) -> set[int]:
    """The indexes of at most `room` documents: downloading first, then waiting, then the last that were settled."""
    ranks = {"processing": 0, "pending": 1}
    by_rank = sorted(range(len(documents)), key=lambda i: ranks.get(documents[i].status, 2))
    unsettled = [i for i in by_rank if documents[i].status in ranks][:room]
    others = [i for i in by_rank if documents[i].status not in ranks]
    return {*unsettled, *others[max(0, len(others) - room + len(unsettled)) :]}


def settled(status: CaseStatus) -> int:
    """How many documents are available or have failed."""
    return status.completed_documents + status.failed_documents


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 3]}..."
