"""The round trips of the processes to PostgreSQL: a count that does not depend on the machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.round_trips import RoundTrips
from tests.support.portal import Portal
from tests.support.servers.tcp_proxy import running_tcp_proxy
from tests.support.service import Service, running_service

DOCUMENTS = 60
PER_DOCUMENT = 1  # in the worker
#: Beyond that: the beginnings of the first five documents, and five for what the end tells of the case, to endpoints
#: and to users who watch it.
PER_JOB = 30
PER_STATUS = 3
#: Without downloads: the key, whether the case is complete, and a transaction of six: its lock, the case, its
#: documents, and one for the case as data.
PER_ENTRY = 8
#: What a worker asks at a steady pace, whether it works or not: its slots, its leases, the next job or check, the
#: sweep, alerts; and what it asks once for each connection.
BACKGROUND = (
    "portal_shares",
    "portal_slots",
    "portal_state",
    "job_queue",
    "SET lease_expires_at = now() + ",
    "SKIP LOCKED",
    "alerted_at",
    "check_pace",
    "FROM watches WHERE check_requested_at",
    "FROM watches GROUP BY every",
    "set_config",
    "typeinfo_tree",
)


@pytest.fixture
def trips() -> RoundTrips:
    """The round trips of every process that is started behind the proxy."""
    return RoundTrips()


@pytest.fixture
async def service(
    stack: Stack, session: aiohttp.ClientSession, tmp_path: Path, trips: RoundTrips
) -> AsyncIterator[Service]:
    """An API process without a worker, on an empty database behind an observed proxy."""
    straight = await create_database(stack)
    async with running_tcp_proxy(straight) as (proxy, database_url):
        proxy.observer = trips.observer
        environment = stack.endpoints.environment(bucket="") | {
            "DATABASE_URL": database_url,
            "REDIS_URL": stack.endpoints.redis_url.removesuffix("/0") + "/11",
        }
        async with running_service(session, environment, tmp_path, database_url=straight) as running:
            yield running


async def test_a_document_costs_a_worker_one_round_trip_to_the_database(
    service: Service, portal: Portal, trips: RoundTrips, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=DOCUMENTS, size=3000))
    await service.api.process(number)
    # The API is idle from here on: all later statements are the worker's.
    trips.forget()

    await service.add_worker()
    await service.until("SELECT 1 FROM jobs WHERE status = 'completed'")

    assert [len(each) for each in trips.units if "status = 'available'" in each[0]].count(1) == DOCUMENTS
    assert DOCUMENTS < trips.count(without=BACKGROUND) <= PER_DOCUMENT * DOCUMENTS + PER_JOB


async def test_a_status_costs_the_api_three_round_trips_to_the_database(
    service: Service, portal: Portal, trips: RoundTrips, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=3, size=3000))
    await service.api.process(number)
    await service.api.status(number)
    trips.forget()

    await service.api.status(number)

    assert 0 < trips.count() <= PER_STATUS, trips.units


async def test_the_case_as_data_costs_the_main_entry_one_round_trip(
    service: Service, portal: Portal, trips: RoundTrips, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=3, size=3000))
    for _ in range(2):
        await service.api.process(number, auto_download="false")
    trips.forget()

    await service.api.process(number, auto_download="false")

    assert sum("FROM case_data" in each for unit in trips.units for each in unit) == 1
    assert 0 < trips.count() <= PER_ENTRY, trips.units
