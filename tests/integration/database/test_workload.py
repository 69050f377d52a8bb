"""The queries of a scrape: right, and with a cost that does not grow with ended work."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from service.database import workload
from service.database.cases import processes
from service.database.connection import Database
from service.database.jobs import jobs
from service.database.workload import OPEN_DELIVERIES, OPEN_JOBS, OpenDeliveries
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.deliveries.deliveries import NUMBER, add_event, add_user, open_pool, schedule, update

ENDED = 20_000


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    async with open_pool(await create_database(stack)) as pool:
        yield pool


async def add_job(database: Database, number: str, age: str) -> None:
    user_id, _ = await add_user(database)
    case = ProcessNumber.parse(number)
    async with database.transaction() as connection:
        await processes.add_unlisted(connection, case)
        job_id = await jobs.create(connection, case, refresh=False, user_id=user_id, request_id="r")
        await connection.execute(
            "UPDATE jobs SET created_at = now() - CAST(CAST(:age AS text) AS interval) WHERE id = :id",
            {"id": job_id, "age": age},
        )
        await connection.execute(
            "INSERT INTO deliveries (id, process_number, job_id, user_id, url, status)"
            " VALUES (:id, :number, :job_id, :user_id, 'https://a.example/', 'waiting')",
            {"id": uuid4(), "number": case.digits, "job_id": job_id, "user_id": user_id},
        )


async def test_what_is_open_is_counted(database: Database, supply: Iterator[str]) -> None:
    for age in ("5 minutes", "2 hours"):
        await add_job(database, next(supply), age)
    user_id, _ = await add_user(database)
    late, failed, _soon = await schedule(database, user_id, *(f"https://{name}.example/" for name in "bcd"))
    await update(database, late, "next_attempt_at = now() - interval '1 hour'")
    await update(database, failed, "status = 'failed', next_attempt_at = NULL, ring_at = NULL")
    async with database.connection() as connection:
        open_jobs = await workload.open_jobs(connection)
        open_deliveries = await workload.open_deliveries(connection)

    assert (open_jobs.pending, open_jobs.processing) == (2, 0)
    assert 7200 <= open_jobs.oldest_waiting < 7400
    assert msgspec.structs.replace(open_deliveries, oldest_due=0.0) == OpenDeliveries(2, 2, 1, 0.0)
    assert 3600 <= open_deliveries.oldest_due < 3800


async def test_nothing_is_open_in_an_empty_database(database: Database) -> None:
    async with database.connection() as connection:
        assert msgspec.structs.astuple(await workload.open_jobs(connection)) == (0, 0, 0.0)
        assert msgspec.structs.astuple(await workload.open_deliveries(connection)) == (0, 0, 0, 0.0)


async def test_what_has_ended_is_not_read(database: Database, supply: Iterator[str]) -> None:
    await add_job(database, next(supply), "1 minute")
    await add_ended(database)
    async with database.connection() as connection:
        await connection.execute("VACUUM ANALYZE jobs")
        await connection.execute("VACUUM ANALYZE deliveries")
        plans = [
            msgspec.json.decode(await connection.fetch_val(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}"))
            for query in (OPEN_JOBS, OPEN_DELIVERIES)
        ]

    scans = [node for plan in plans for node in nodes(plan[0]["Plan"]) if "Scan" in node["Node Type"]]
    assert scans
    for node in scans:
        assert node["Node Type"] != "Seq Scan", node
        assert node["Actual Rows"] + node.get("Rows Removed by Filter", 0) <= 10, node


async def add_ended(database: Database) -> None:
    """Add ended jobs and deliveries."""
    user_id, _ = await add_user(database)
    event_id = await add_event(database)
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO jobs (id, process_number, refresh, user_id, request_id, status, completed_at)"
            " SELECT gen_random_uuid(), :number, false, :user_id, 'r', 'completed', now()"
            " FROM generate_series(1, CAST(:count AS integer))",
            {"number": NUMBER.digits, "user_id": user_id, "count": ENDED},
        )
        await connection.execute(
            "INSERT INTO deliveries (id, process_number, event_id, user_id, url, status, completed_at)"
            " SELECT gen_random_uuid(), :number, :event_id, :user_id, 'https://a.example/', 'delivered', now()"
            " FROM generate_series(1, CAST(:count AS integer))",
            {"number": NUMBER.digits, "event_id": event_id, "user_id": user_id, "count": ENDED},
        )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All nodes of a plan."""
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)
