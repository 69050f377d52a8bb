"""What the commands share: settings, a connection, bells, tables, and errors of one line."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.database.connection import UNREACHABLE, Connection
from service.queue import Bell, redis_pool
from service.settings import Settings, SettingsError, load_settings
from service.startup import StartupError, open_database
from service.wiring import configure_process_logs

T = TypeVar("T")

TABLE_WIDTH = 160  # columns
json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")


def read_settings() -> Settings:
    """The settings. Ends the command with one line where they are wrong."""
    try:
        return load_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def ask(question: Callable[[Connection], Awaitable[T]]) -> T:
    """Ask the database in a transaction. Ends the command with one line where it cannot be reached."""
    settings = read_settings()

    async def answer() -> T:
        async with (
            open_database(settings.database_url, application_name="autos cli", max_size=2) as database,
            database.transaction() as connection,
        ):
            return await question(connection)

    try:
        return asyncio.run(answer())
    except StartupError as error:
        raise click.ClickException(str(error)) from None
    except UNREACHABLE as error:
        raise click.ClickException(f"DATABASE_URL: PostgreSQL failed ({type(error).__name__})") from None


def ring(tell: Callable[[Bell], Awaitable[bool]]) -> str:
    """Tell the workers, after the commit. Answers what to add to the command's sentence where they do not hear it."""
    settings = read_settings()
    configure_process_logs(settings)

    async def told() -> bool:
        redis = redis_pool(settings.redis_url)
        try:
            return await tell(Bell(redis))
        finally:
            await redis.aclose(close_connection_pool=True)

    return "" if asyncio.run(told()) else "; Redis does not answer, so it takes until the workers' next sweep"


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
