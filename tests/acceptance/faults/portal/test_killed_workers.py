"""A worker that is killed with every slot at the portal, and workers that only look as if they had been killed."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from service.domain.process_number import ProcessNumber
from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from service.local.stack import Stack
from tests.acceptance.faults.conftest import Numbers, Wires
from tests.support.database.workload import Place
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.http.api import Api
from tests.support.processes import Process, until_said

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

LIMIT = 6
LEASED = "SELECT 1 FROM portal_slots WHERE expires_at > now() HAVING count(*) = $1"
SHARED = f"{LEASED} AND count(DISTINCT worker_id) = 2"
ALL_OF_ONE = f"{LEASED} AND count(DISTINCT worker_id) = 1"
NONE_OF = "SELECT 1 FROM portal_slots WHERE expires_at > now() AND worker_id <> $2 HAVING count(*) = $1"
LIVING = "SELECT 1 FROM portal_shares WHERE life_lock IS NOT NULL HAVING count(*) = $1"
FREED = "slots_of_dead_workers_released"
END_LIFE_LOCKS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'autos worker life lock'"
)
#: A lease that ended by time would hide how the slots became free.
EXTEND_LEASES = "UPDATE portal_slots SET expires_at = now() + interval '1 hour' WHERE worker_id = $1 RETURNING 1"
EXTEND_JOBS = "UPDATE jobs SET lease_expires_at = now() + interval '1 hour' WHERE status = 'processing' RETURNING 1"
CLAIMED = "SELECT 1 FROM jobs WHERE status = 'processing' AND process_number = $1"
RENEWED = (
    "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM portal_slots WHERE worker_id = $1"
    " AND expires_at > now() + interval '30 s')"
    " AND NOT EXISTS (SELECT 1 FROM portal_shares WHERE worker_id = $1 AND seen_at > now())"
    " AND NOT EXISTS (SELECT 1 FROM jobs WHERE lease_expires_at > now() + interval '30 s')"
)
REPORT = "UPDATE portal_shares SET seen_at = now() + CAST($2 AS interval) WHERE worker_id = $1 RETURNING 1"
LACKS_SLOTS = (
    "SELECT 1 FROM portal_shares WHERE worker_id <> $1 AND life_lock IS NOT NULL"
    " AND (SELECT sum(each) FROM unnest(wanted) AS each) > granted"
)
NEVER_ENDS = Fault(kind=FaultKind.SLOW_DRIP, times=FOR_EVER, seconds=0.5)


@dataclass(frozen=True)
class Workers:
    """One has slots for a large case, the other one for that of another user. Both could use more."""

    first: Process
    first_id: UUID
    second: Process
    cases: list[str]


async def start_worker(place: Place, *, is_direct: bool) -> Process:
    """A worker that reaches PostgreSQL directly, or through a proxy."""
    direct = {"DATABASE_URL": place.service.database_url} if is_direct else {}
    settings = {"PDPJ_MAX_CONCURRENCY": str(LIMIT), "DOWNLOAD_CONCURRENCY": str(LIMIT)}
    return await place.service.add_worker(**settings, **direct)


async def start_both(
    place: Place, numbers: Numbers, *, is_direct: tuple[bool, bool] = (True, True), stands_still: bool = False
) -> Workers:
    """Start one worker after the other. `stands_still`: the first is left frozen, with every slot."""
    cases = numbers.take(2)
    await place.put_cases(cases, DocumentSpec(count=400, size=2000))
    await place.portal.configure(latency_binary_ms=100)
    if stands_still:
        await asyncio.gather(*(place.portal.fail_document(case, "*", NEVER_ENDS) for case in cases))
    first = await start_worker(place, is_direct=is_direct[0])
    await place.service.until(LIVING, 1)
    await place.request(cases[:1])
    await place.service.until(ALL_OF_ONE, LIMIT)
    [owner] = await place.service.fetch("SELECT DISTINCT worker_id FROM portal_slots WHERE expires_at > now()")
    # The first one must not take the case of the second. However slow the machine is, its report and its leases do not
    # end meanwhile.
    first.send(signal.SIGSTOP)
    assert await place.service.fetch(REPORT, owner["worker_id"], timedelta(hours=1))
    await place.service.fetch(EXTEND_LEASES, owner["worker_id"])
    await place.service.fetch(EXTEND_JOBS)
    second = await start_worker(place, is_direct=is_direct[1])
    await (await another_user(place)).process(cases[1])
    await place.service.until(LIVING, 2)
    await place.service.until(CLAIMED, ProcessNumber.parse(cases[1]).digits)
    if not stands_still:
        first.send(signal.SIGCONT)
        await place.service.until(RENEWED, owner["worker_id"])
    return Workers(first, owner["worker_id"], second, cases)


async def another_user(place: Place) -> Api:
    async with open_pool(place.service.database_url) as database:
        return place.service.api.with_key((await add_user(database))[1])


async def all_ended(place: Place, cases: list[str]) -> None:
    """Wait for the cases, and look at how many requests were open at a time."""
    for case in cases:
        await place.service.api.ended(case, timeout=120)
    await expect_no_more_than_the_limit(place)


async def expect_no_more_than_the_limit(place: Place) -> None:
    journal = await place.portal.journal()
    assert journal["max_documents_in_flight"] <= LIMIT, journal["longest_documents_in_flight"]


@pytest.mark.parametrize("is_direct", [True, pytest.param(False, marks=pytest.mark.long)])
async def test_the_slots_of_a_killed_worker_are_free_before_their_leases_end(
    place: Place, numbers: Numbers, is_direct: bool
) -> None:
    workers = await start_both(place, numbers, is_direct=(is_direct, is_direct), stands_still=True)
    await place.service.until(LACKS_SLOTS, workers.first_id)
    workers.first.send(signal.SIGKILL)
    await workers.first.ended()
    assert await place.service.fetch(REPORT, workers.first_id, timedelta(0))

    await until_said(workers.second, FREED)

    await place.service.until(NONE_OF, LIMIT, workers.first_id)
    await expect_no_more_than_the_limit(place)


@pytest.mark.long
async def test_a_worker_that_stands_still_keeps_its_slots_until_their_leases_end(
    place: Place, numbers: Numbers
) -> None:
    workers = await start_both(place, numbers)
    workers.first.send(signal.SIGSTOP)

    await place.service.until(NONE_OF, LIMIT, workers.first_id)
    workers.first.send(signal.SIGCONT)

    await all_ended(place, workers.cases)
    assert not workers.second.has_said(FREED)


@pytest.mark.long
async def test_a_worker_whose_session_is_ended_gets_a_new_lock_and_goes_on(place: Place, numbers: Numbers) -> None:
    cases = numbers.take(1)
    await place.put_cases(cases, DocumentSpec(count=100, size=2000))
    await place.portal.configure(latency_binary_ms=100)
    worker = await start_worker(place, is_direct=True)
    await place.request(cases)
    for _ in range(3):
        [before] = await place.service.until("SELECT life_lock FROM portal_shares WHERE life_lock IS NOT NULL")
        await place.service.until(END_LIFE_LOCKS)
        await place.service.until("SELECT 1 FROM portal_shares WHERE life_lock <> $1", before["life_lock"])

    await all_ended(place, cases)
    assert worker.has_said("life_lock_lost")
    assert not worker.has_said(FREED)


@pytest.mark.long
@pytest.mark.parametrize("end", [Stack.stop_server, Stack.kill_server])
async def test_no_worker_loses_its_slots_by_a_restart_of_postgres(
    place: Place, numbers: Numbers, servers: Stack, end: Callable[[Stack, str], None]
) -> None:
    workers = await start_both(place, numbers)
    await asyncio.to_thread(end, servers, "postgres")
    await asyncio.to_thread(servers.start_server, "postgres")

    await place.service.until(LIVING, 2)

    await all_ended(place, workers.cases)
    assert not workers.first.has_said(FREED)
    assert not workers.second.has_said(FREED)


@pytest.mark.long
async def test_a_worker_that_a_proxy_cut_off_stops_before_another_one_takes_its_slots(
    place: Place, numbers: Numbers, wires: Wires
) -> None:
    workers = await start_both(place, numbers, is_direct=(False, True))
    await place.service.until(SHARED, LIMIT)

    wires.postgres.take_away()
    await until_said(workers.second, FREED)
    await place.service.until(NONE_OF, LIMIT, workers.first_id)
    wires.postgres.bring_back()

    await all_ended(place, workers.cases)
    assert workers.first.is_running()
