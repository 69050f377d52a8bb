"""How the commands perform actions: in the database, and then in Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from service.commands.console import read_settings
from service.database.connection import UNREACHABLE, Database
from service.domain.environment.startup import StartupError
from service.queue.task_queue import TaskQueue, redis_pool
from service.startup.database import open_database
from service.startup.process_logs import configure_process_logs

T = TypeVar("T")


def perform(action: Callable[[Database, TaskQueue], Awaitable[T]]) -> T:
    """Run an action. If the database cannot be reached, end the command with one line."""
    settings = read_settings()
    configure_process_logs(settings)

    async def performed() -> T:
        redis = redis_pool(settings.redis_url)
        try:
            async with open_database(settings.database_url, application_name="autos cli", max_size=2) as database:
                return await action(database, TaskQueue(redis))
        finally:
            await redis.aclose(close_connection_pool=True)

    try:
        return asyncio.run(performed())
    except StartupError as error:
        raise click.ClickException(str(error)) from None
    except UNREACHABLE as error:
        raise click.ClickException(f"DATABASE_URL: PostgreSQL failed ({type(error).__name__})") from None


def delay(*, is_enqueued: bool) -> str:
    """What to add to the output of a command: nothing, or that Redis does not answer."""
    return "" if is_enqueued else "; Redis does not answer, so it takes until the workers' next sweep"
