"""What the commands share: settings, tables, and errors of one line."""

import json
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

FOLDED_WIDTH = 30  # minimum columns of a sentence
_UNLIMITED = 1_000_000  # columns
_SENTENCES = frozenset({"answer", "detail", "error", "last error", "name", "reason"})  # columns that hold sentences
json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")


def read_settings() -> Settings:
    """Return the settings. If they are wrong, end the command with one line."""
    try:
        return load_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def read_database_url() -> str:
    """Like `read_settings`, for commands that need only DATABASE_URL."""
    try:
        return load_database_url()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def print_json(value: object) -> None:
    """Print one line of JSON, in which a terminal finds nothing to obey: JSON itself escapes only some characters."""
    text = msgspec.json.encode(value).decode()
    # Outside of strings JSON has no such character, so the escape means the same value.
    click.echo(text if text.isprintable() else "".join(map(_escaped, text)))


def _escaped(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table. If the output is not a terminal, each row is one line."""
    cells = [[line(cell(value)) for value in row] for row in rows]
    is_terminal = sys.stdout.isatty()
    table = Table(box=None)
    for name, texts in zip(columns, zip(*cells, strict=True) if cells else [()] * len(columns), strict=True):
        width = max(map(cell_len, (name, *texts)))
        # Only sentences are folded and get narrower columns: an id that is cut in two is of no use.
        needed = min(width, FOLDED_WIDTH) if is_terminal and name in _SENTENCES else width
        table.add_column(name, overflow="fold", min_width=needed)
    for row in cells:
        # Not as markup: a subscriber's answer may hold brackets.
        table.add_row(*map(Text, row))
    size = table.__rich_measure__(Console(width=_UNLIMITED), Console(width=_UNLIMITED).options)
    # If the table is wider than the terminal, the terminal wraps the lines.
    width = max(Console().width, size.minimum) if is_terminal else size.maximum
    Console(width=width).print(table)


def line(text: str) -> str:
    """Replace line breaks and control characters: users, subscribers and the portal wrote some of the texts."""
    return "".join(each if each.isprintable() else " " for each in text)


def print_fields(value: msgspec.Struct) -> None:
    """Print one line for each field."""
    for name, field in msgspec.structs.asdict(value).items():
        click.echo(f"{name.replace('_', ' '):22}{line(cell(field))}")


def cell(value: object) -> str:
    """Format a value for people."""
    if value is None:
        return "-"
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
