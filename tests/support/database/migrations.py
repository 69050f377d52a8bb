"""A database with the schema of an earlier version, and its migration."""

import asyncio
from collections.abc import Callable
from typing import Any

import yoyo

from service.database import migrations, schema
from service.local.stack import Stack
from tests.conftest import create_database


async def create_before(stack: Stack, migration_id: str) -> str:
    """Create a database that has the migrations before this one."""
    url = await create_database(stack, migrated=False)
    await asyncio.to_thread(_run, url, lambda backend, steps: backend.apply_migrations(_before(steps, migration_id)))
    return url


async def roll_back_to(url: str, migration_id: str) -> None:
    """Roll this migration and all later ones back."""

    def back(backend: Any, steps: Any) -> None:
        todo = backend.to_rollback(steps)
        backend.rollback_migrations(todo.filter(lambda each: each.id >= migration_id))

    await asyncio.to_thread(_run, url, back)


async def migrate(url: str) -> list[str]:
    """As `autos migrate`."""
    return await asyncio.to_thread(migrations.apply, url)


def _before(steps: Any, migration_id: str) -> Any:
    return steps.filter(lambda each: each.id < migration_id)


def _run(url: str, change: Callable[[Any, Any], None]) -> None:
    backend = yoyo.get_backend(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        change(backend, yoyo.read_migrations(str(schema.DIRECTORY)))
    finally:
        backend.connection.close()
