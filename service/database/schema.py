"""Which migrations the database lacks. The API and the worker only check this; they apply none."""

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    # `autos migrate` does not need SQLAlchemy, which is slow to import.
    from service.database.connection import Connection

DIRECTORY = Path(__file__).resolve().parents[2] / "migrations"


def known() -> list[str]:
    """Return the ids of all migrations of this version, in order."""
    return sorted(path.stem for path in DIRECTORY.glob("*.sql") if not path.name.endswith(".rollback.sql"))


async def missing(connection: "Connection") -> list[str]:
    """Return the ids of the migrations that the database lacks, in order."""
    try:
        rows = await connection.fetch_all("SELECT migration_id FROM _yoyo_migration")
    except asyncpg.UndefinedTableError:
        return known()
    applied = {row["migration_id"] for row in rows}
    return [each for each in known() if each not in applied]
