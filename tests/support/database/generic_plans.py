"""Generic plans: PostgreSQL uses them for statements that it executes often, made without their values."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from service.database.connection import Connection
from service.database.connection import _bound as bound
from tests.support.database.plans import Explained

_NAMES = count(1)


class ExplainedGenerically(Explained):
    """As `Explained`, with plans that fit any values."""

    async def fetch_all(self, query: str, values: Mapping[str, Any] | None = None) -> list[Any]:
        name = f"generic_{next(_NAMES)}"
        statement, names = bound(query)
        raw = self.connection.raw_connection
        await raw.execute("SET plan_cache_mode = force_generic_plan")
        await raw.execute(f"PREPARE {name} AS {statement}")
        given = ", ".join(_literal((values or {})[each]) for each in names)
        await super().fetch_all(f"EXECUTE {name}{f'({given})' if given else ''}".replace(":", r"\:"))
        await raw.execute(f"DEALLOCATE {name}")
        await raw.execute("RESET plan_cache_mode")
        return []


def explained(connection: Connection, *, is_generic: bool) -> Explained:
    """An explained connection, with plans for the values or with generic ones."""
    return ExplainedGenerically(connection) if is_generic else Explained(connection)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "'{" + ",".join(f'"{_text(each)}"' for each in value) + "}'"
    return f"'{_text(value)}'"


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} seconds"
    return str(value)
