"""Leases the listing of a job's case: an API process may be listing the same case now."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

from service.database.cases import processes
from service.database.connection import Connection
from service.database.jobs import jobs
from service.database.portal import listing_leases
from service.database.portal.listing_leases import Lease
from service.domain.jobs import ClaimedJob
from worker.context import Context

LISTING_TURN_POLL_INTERVAL = 0.1  # seconds between two checks of a listing by another process
LISTING_TURN_TIMEOUT = 15.0  # seconds; API processes list for 5 at most, but may begin again and again


async def take_lease(context: Context, job: ClaimedJob) -> Lease | None:
    """Wait until no other process lists the case, then lease the listing.

    None: another process has registered the listing that the job waits for. After `LISTING_TURN_TIMEOUT` the returned
    lease is not held: this worker, which waits longer for the portal than the API does, then lists beside the other
    process.
    """
    clock, holder = asyncio.get_running_loop().time, uuid4()
    deadline = clock() + LISTING_TURN_TIMEOUT
    while True:
        async with context.database.connection() as connection:
            lease = await _take(connection, job, holder)
            # Checked after the lease: the other process may have registered the case just before it.
            if not await jobs.wants_listing(connection, job):
                # Deletes nothing if the lease is another process's.
                await listing_leases.give_up(connection, lease or Lease(job.number, holder, 0))
                return None
            if lease is None and clock() >= deadline:
                lease = Lease(job.number, holder, await processes.next_listing(connection))
        if lease is not None:
            return lease
        await asyncio.sleep(LISTING_TURN_POLL_INTERVAL)


async def _take(connection: Connection, job: ClaimedJob, holder: UUID) -> Lease | None:
    seen = await listing_leases.take(connection, job.number, holder, is_forced=True, waited=timedelta(0))
    return None if seen.leased is None else Lease(job.number, holder, seen.leased)
