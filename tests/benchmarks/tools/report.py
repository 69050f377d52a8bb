"""The results of a run: printed line by line, and written as JSON."""

import os
import statistics
import time
from pathlib import Path

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One figure. `ratio` is the median of its runs divided by that of the baseline."""

    section: str
    name: str
    unit: str
    runs: list[float]
    baseline: str | None = None
    ratio: float | None = None
    target: str | None = None
    reached: bool | None = None

    @property
    def median(self) -> float:
        """The median of the runs."""
        return statistics.median(self.runs)


class Bound(msgspec.Struct, frozen=True):
    """The target of a figure or a ratio."""

    limit: float
    at_most: bool = False

    def holds(self, value: float) -> bool:
        """True if the target is reached."""
        return value <= self.limit if self.at_most else value >= self.limit

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.limit:g}"


def at_least(limit: float) -> Bound:
    """A target where more is better."""
    return Bound(limit)


def at_most(limit: float) -> Bound:
    """A target where less is better."""
    return Bound(limit, at_most=True)


class Report:
    """The rows of all sections so far."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.notes: list[str] = []
        self.section = ""

    def begin(self, section: str) -> None:
        """Start a section."""
        self.section = section
        print(f"\n{section}  (load average {os.getloadavg()[0]:.1f})", flush=True)  # noqa: T201  (a command's output)

    def measured(self, name: str, unit: str, *runs: float, target: Bound | None = None) -> Row:
        """Add a figure."""
        reached = None if target is None else target.holds(statistics.median(runs))
        row = Row(self.section, name, unit, list(runs), None, None, None if target is None else str(target), reached)
        return self._add(row)

    def compared(self, ours: Row, theirs: Row, target: Bound | None = None) -> Row:
        """Add a figure with its ratio to a baseline."""
        ratio = ours.median / theirs.median
        reached = None if target is None else target.holds(ratio)
        row = msgspec.structs.replace(
            ours, baseline=theirs.name, ratio=ratio, target=None if target is None else str(target), reached=reached
        )
        return self._add(row)

    def note(self, text: str) -> None:
        """Add a note for readers of the figures."""
        self.notes.append(f"{self.section}: {text}")
        print(f"  note: {text}", flush=True)  # noqa: T201  (a command's output)

    def _add(self, row: Row) -> Row:
        self.rows.append(row)
        print(_line(row), flush=True)  # noqa: T201  (a command's output)
        return row

    @property
    def missed(self) -> list[Row]:
        """The missed targets."""
        return [row for row in self.rows if row.reached is False]

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"at": time.time(), "cores": os.cpu_count(), "rows": self.rows, "notes": self.notes}
        path.write_bytes(msgspec.json.format(msgspec.json.encode(content)))


def _line(row: Row) -> str:
    verdict = {None: "", True: "reached", False: "NOT REACHED"}[row.reached]
    target = "" if row.target is None else f"target {row.target}"
    if row.ratio is not None:
        return f"  {'':4}{row.name} / {row.baseline}".ljust(76) + f"{row.ratio:10.2f} {target:14} {verdict}"
    spread = f"{min(row.runs):.4g}..{max(row.runs):.4g}" if len(row.runs) > 1 else ""
    return f"  {row.name:50}{row.median:10.4g} {row.unit:17}{spread:20}{target:14} {verdict}".rstrip()
