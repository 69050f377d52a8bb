"""How the commands query the database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from service.commands.console import read_settings
from service.database.connection import UNREACHABLE, Connection
from service.domain.environment.startup import StartupError
from service.startup.database import open_database

T = TypeVar("T")


def ask(question: Callable[[Connection], Awaitable[T]]) -> T:
    """Run `question` in a transaction. If the database cannot be reached, end the command with one line."""
    settings = read_settings()

    async def answer() -> T:
        async with open_database(settings.database_url, application_name="autos cli", max_size=2) as database:
            return await database.run(question)

    try:
        return asyncio.run(answer())
    except StartupError as error:
        raise click.ClickException(str(error)) from None
    except UNREACHABLE as error:
        raise click.ClickException(f"DATABASE_URL: PostgreSQL failed ({type(error).__name__})") from None
