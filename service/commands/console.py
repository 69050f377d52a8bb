"""What the commands share: settings, tables, and errors of one line."""

from collections.abc import Sequence
from datetime import datetime

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.settings import Settings, SettingsError, load_settings

TABLE_WIDTH = 160  # columns
json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")


def read_settings() -> Settings:
    """The settings. Ends the command with one line where they are wrong."""
    try:
        return load_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def print_json(value: object) -> None:
    """One line."""
    click.echo(msgspec.json.encode(value))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table for people."""
    table = Table(*columns, box=None)
    for row in rows:
        # Not as markup: a subscriber's answer may hold brackets.
        table.add_row(*(Text(cell(value)) for value in row))
    # An id that is cut off is of no use: rather let a narrow terminal wrap.
    Console(width=max(Console().width, TABLE_WIDTH)).print(table)


def print_fields(value: msgspec.Struct) -> None:
    """One line for each field."""
    for name, field in msgspec.structs.asdict(value).items():
        click.echo(f"{name.replace('_', ' '):22}{cell(field)}")


def cell(value: object) -> str:
    """How people read a value."""
    if value is None:
        return "-"
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
