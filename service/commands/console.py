"""What the commands share: settings, tables, and errors of one line."""

import sys
from collections.abc import Sequence
from datetime import datetime

import click
import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.settings import Settings, SettingsError, load_database_url, load_settings

FOLDED_WIDTH = 30  # columns that a sentence gets at least
_UNLIMITED = 1_000_000  # columns
_SENTENCES = frozenset({"answer", "detail", "error", "last error", "name", "reason"})  # the names of their columns
json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")


def read_settings() -> Settings:
    """The settings. Ends the command with one line where they are wrong."""
    try:
        return load_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def read_database_url() -> str:
    """As `read_settings`, for what needs no other one."""
    try:
        return load_database_url()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def print_json(value: object) -> None:
    """One line."""
    click.echo(msgspec.json.encode(value))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table: for people at a terminal, else one line for each row."""
    cells = [[_line(cell(value)) for value in row] for row in rows]
    is_terminal = sys.stdout.isatty()
    table = Table(box=None)
    for name, texts in zip(columns, zip(*cells, strict=True) if cells else [()] * len(columns), strict=True):
        width = max(map(cell_len, (name, *texts)))
        # An id that is cut off is of no use: only sentences are folded, and no column but theirs gets narrower.
        needed = min(width, FOLDED_WIDTH) if is_terminal and name in _SENTENCES else width
        table.add_column(name, overflow="fold", min_width=needed)
    for row in cells:
        # Not as markup: a subscriber's answer may hold brackets.
        table.add_row(*map(Text, row))
    size = table.__rich_measure__(Console(width=_UNLIMITED), Console(width=_UNLIMITED).options)
    # Rather let a narrow terminal wrap.
    width = max(Console().width, size.minimum) if is_terminal else size.maximum
    Console(width=width).print(table)


def _line(text: str) -> str:
    """What others wrote may hold line breaks, and sequences that control a terminal."""
    return "".join(each if each.isprintable() else " " for each in text)


def print_fields(value: msgspec.Struct) -> None:
    """One line for each field."""
    for name, field in msgspec.structs.asdict(value).items():
        click.echo(f"{name.replace('_', ' '):22}{cell(field)}")


def cell(value: object) -> str:
    """How people read a value."""
    if value is None:
        return "-"
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
