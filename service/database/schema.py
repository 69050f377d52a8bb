"""The schema as the processes look at it; they never change it."""

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    # `autos migrate` needs no SQLAlchemy, which takes 0.2 s of CPU to import.
    from service.database.connection import Connection

DIRECTORY = Path(__file__).resolve().parents[2] / "migrations"


def known() -> list[str]:
    """The ids of all migrations that this version has, in their order."""
    return sorted(path.stem for path in DIRECTORY.glob("*.sql") if not path.name.endswith(".rollback.sql"))


async def missing(connection: "Connection") -> list[str]:
    """The migrations that the database lacks."""
    try:
        rows = await connection.fetch_all("SELECT migration_id FROM _yoyo_migration")
    except asyncpg.UndefinedTableError:
        return known()
    applied = {row["migration_id"] for row in rows}
    return [each for each in known() if each not in applied]
