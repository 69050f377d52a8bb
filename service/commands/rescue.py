"""`autos rescue`: the sweep of the workers, once and by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
from redis.exceptions import RedisError

from service.actions.bucket_tidying import abort_stale_uploads
from service.actions.rescue import LEASED_KINDS, sweep
from service.commands.console import json_option, print_json, read_settings
from service.database.connection import UNREACHABLE
from service.domain.environment.startup import StartupError
from service.queue.redis_faults import describe
from service.queue.task_queue import TaskQueue, redis_pool
from service.settings import Settings
from service.startup.database import open_database
from service.startup.process_logs import configure_process_logs
from service.startup.wiring import open_bucket


@click.command()
@json_option
def rescue(*, as_json: bool) -> None:
    """Release jobs whose worker is gone, enqueue deliveries that are overdue, abort uploads that were left open.

    Workers do this by themselves, every few seconds or (uploads) minutes. It may run at any time, also beside them.
    """
    settings = read_settings()
    configure_process_logs(settings)
    try:
        swept, uploads = asyncio.run(_rescue(settings))
    except StartupError as error:
        raise click.ClickException(str(error)) from None
    except (RedisError, OSError) as error:
        raise click.ClickException(f"REDIS_URL: {describe(error)}") from None
    if as_json:
        print_json({kind.plural: swept[kind.name] for kind in LEASED_KINDS} | {"uploads": uploads})
        return
    done = [kind.done.format(swept[kind.name]) for kind in LEASED_KINDS]
    click.echo(", ".join([*done, f"aborted {uploads} uploads"]))


async def _rescue(settings: Settings) -> tuple[dict[str, int], int]:
    """Return how much of each kind was found, and how many uploads were aborted."""
    async with _open_queue(settings) as queue, open_bucket(settings) as store:
        try:
            async with open_database(settings.database_url, application_name="autos cli", max_size=2) as database:
                swept = await sweep(database, queue)
                return swept, await abort_stale_uploads(database, store)
        except UNREACHABLE as error:
            raise StartupError(f"DATABASE_URL: PostgreSQL failed ({type(error).__name__})") from None


@asynccontextmanager
async def _open_queue(settings: Settings) -> AsyncIterator[TaskQueue]:
    redis = redis_pool(settings.redis_url)
    try:
        queue = TaskQueue(redis)
        await queue.ping()
        yield queue
    finally:
        await redis.aclose(close_connection_pool=True)
