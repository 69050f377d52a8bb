"""Shares one listing between all concurrent requests for a case, in this process and in the others.

In each process one task queries the database; of all processes, only the one with the lease asks the portal.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec

from service.actions import kept_listings
from service.actions.leased_listing import LISTING_FAILURES, leased, outcome_of
from service.actions.registered import enqueue_registered
from service.database.access import DatabaseAccess
from service.database.cases import case_requests
from service.database.connection import Connection, Database
from service.database.portal import listing_leases
from service.database.portal.listing_leases import Lease, ListingOutcome, Seen
from service.domain.errors import ErrorCode
from service.domain.listings import Listing, Registered
from service.domain.process_number import ProcessNumber
from service.portal.client import PortalClient
from service.portal.errors import AccessDenied, NotFound
from service.portal.gate import Gate
from service.queue.task_queue import TaskQueue
from service.storage.object_store import ObjectStore

SHORT_LISTING_TIMEOUT = 5.0  # seconds; after that a worker asks with a longer timeout, and the client need not wait
LISTING_POLL_INTERVAL = 0.1  # seconds between two checks of another process's listing
LISTING_CLOSE_TIMEOUT = 5.0  # seconds


class Unlisted(Exception):
    """The portal did not list the case in time.

    `asked`: the sequence number of the listing that did not arrive; None if no listing new enough was started.
    """

    def __init__(self, asked: int | None = None, *, retry_after: float | None = None) -> None:
        super().__init__("no listing")
        self.asked = asked
        self.retry_after = retry_after  #: seconds, if the portal said so


class Asking(msgspec.Struct, frozen=True):
    """A request that needs a listing."""

    number: ProcessNumber
    user_id: UUID
    lane: int
    arrived: float  #: of `time.perf_counter`
    is_forced: bool  #: True: it needs a listing that was started after `arrived`


@dataclass(eq=False)
class _Flight:
    """A listing that is under way, here or in another process."""

    asked: int | None = None
    began: float = float("-inf")  #: of `time.perf_counter`: when `asked` was taken, or earlier
    outcome: ListingOutcome | None = None
    retry_after: float | None = None
    task: "asyncio.Task[None]" = field(init=False)

    def serves(self, asking: Asking) -> bool:
        """True if the listing is new enough."""
        return not asking.is_forced or self.began >= asking.arrived

    def note(self, seen: Seen, looked: float) -> None:
        """Copy the state of another process's listing."""
        self.asked, self.outcome, self.retry_after = seen.asked, seen.outcome, seen.retry_after
        if seen.age is not None:
            self.began = looked - seen.age


class SharedListings:
    """Lists cases for the API."""

    def __init__(
        self,
        database: Database,
        portal: PortalClient,
        gate: Gate,
        queue: TaskQueue,
        *,
        limited: DatabaseAccess,
        event_limit: int = 500,
        store: ObjectStore | None = None,
    ) -> None:
        """`limited`: the database for what a request waits for; `database` renews leases meanwhile.

        `event_limit`: documents that an event lists at most. `store` keeps the portal's answers; None: they are not
        kept.
        """
        self._database = database
        self._portal = portal
        self._gate = gate
        self._limited = limited
        self._queue = queue
        self._event_limit = event_limit
        self._store = store
        self._flights: dict[ProcessNumber, _Flight] = {}

    async def listed(self, asking: Asking, *, timeout: float = SHORT_LISTING_TIMEOUT) -> None:
        """Return when the case is listed and registered.

        Raises `Unlisted`, `NotFound` and `AccessDenied`. If this caller times out or is cancelled, a listing that is
        under way goes on for the others.
        """
        deadline = time.perf_counter() + timeout
        flight = None
        while (left := deadline - time.perf_counter()) > 0:
            flight = self._flight(asking)
            done, _ = await asyncio.wait([flight.task], timeout=left)
            if done:
                flight.task.result()
            if done and flight.serves(asking):
                return _judge(flight)
        if flight is not None and flight.outcome is not None and flight.serves(asking):
            return _judge(flight)  # it is registered; only the bucket is slow to keep the answer
        raise Unlisted(flight.asked if flight is not None and flight.serves(asking) else None)

    async def close(self) -> None:
        """Cancel the listings that are under way and release their leases."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LISTING_CLOSE_TIMEOUT)

    def _flight(self, asking: Asking) -> _Flight:
        """Return the listing that is under way, or start one."""
        if (flight := self._flights.get(asking.number)) is None:
            flight = self._flights[asking.number] = _Flight()
            flight.task = asyncio.ensure_future(self._fly(flight, asking))
            flight.task.add_done_callback(lambda task: self._land(asking.number, task))
        return flight

    def _land(self, number: ProcessNumber, task: "asyncio.Task[None]") -> None:
        del self._flights[number]
        if not task.cancelled():
            # Retrieved, so that asyncio does not log it if every caller has left.
            task.exception()

    async def _fly(self, flight: _Flight, asking: Asking) -> None:
        """Ask the portal, or wait until another process has."""
        holder = uuid4()
        while True:
            seen, looked = await self._look(holder, asking)
            if seen.leased is not None:
                flight.asked, flight.began = seen.leased, looked
                return await self._lead(flight, asking, Lease(asking.number, holder, seen.leased))
            flight.note(seen, looked)
            if seen.is_listed and not asking.is_forced:
                flight.outcome = ListingOutcome.LISTED
            if flight.outcome is not None:
                return None
            await asyncio.sleep(LISTING_POLL_INTERVAL)

    async def _look(self, holder: UUID, asking: Asking) -> tuple[Seen, float]:
        """Take the lease if it is free. Also return the `time.perf_counter` time just before the query."""
        async with self._limited.connection() as connection:
            now = time.perf_counter()
            waited = timedelta(seconds=now - asking.arrived)
            seen = await listing_leases.take(
                connection, asking.number, holder, is_forced=asking.is_forced, waited=waited
            )
        return seen, now

    async def _lead(self, flight: _Flight, asking: Asking, lease: Lease) -> None:
        portal = self._portal.with_pass(self._gate.pass_for(asking.user_id, asking.lane))
        try:
            async with leased(self._database, lease):
                found = await portal.list_process(lease.number, timeout=SHORT_LISTING_TIMEOUT)
                listing = msgspec.structs.replace(found, asked=lease.asked)
                await self._register(listing, lease)
        except LISTING_FAILURES as error:
            flight.outcome, flight.retry_after = outcome_of(error), error.retry_after
            return
        flight.outcome = ListingOutcome.LISTED
        if self._store is not None:
            await kept_listings.keep(self._limited, self._store, listing)

    async def _register(self, listing: Listing, lease: Lease) -> None:
        async def register(connection: Connection) -> Registered:
            registered = await case_requests.register(connection, listing, event_limit=self._event_limit)
            await listing_leases.end(connection, lease, ListingOutcome.LISTED)
            return registered

        await enqueue_registered(self._queue, await self._limited.run(register))


def _judge(flight: _Flight) -> None:
    if flight.outcome is ListingOutcome.NOT_FOUND:
        raise NotFound(ErrorCode.PROCESS_NOT_FOUND, "the portal does not know this case")
    if flight.outcome is ListingOutcome.DENIED:
        raise AccessDenied(ErrorCode.PROCESS_ACCESS_DENIED, "the portal denies this case")
    if flight.outcome is not ListingOutcome.LISTED:
        raise Unlisted(flight.asked, retry_after=flight.retry_after)
