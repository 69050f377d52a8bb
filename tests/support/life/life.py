"""One case for the stateful test: its rows, and a model of everything outside of the database."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from service.database.cases import processes
from service.database.connection import Connection, Database
from service.domain.deliveries import ClaimedDelivery
from service.domain.documents import StoredFile, Task
from service.domain.jobs import ClaimedJob
from service.domain.listings import ListedDocument, Listing
from service.domain.process_number import ProcessNumber
from tests.support.database.case_steps import listed, listing_of

T = TypeVar("T")

LIMIT = 10  # documents in an event
ENDED = frozenset({"completed", "failed", "cancelled"})


async def fetch(connection: Connection, query: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a query of a test."""
    return [dict(row) for row in await connection.fetch_all(query, values)]


@dataclass(frozen=True)
class World:
    """A database, a loop for its queries, and users. The first user starts jobs that others join."""

    loop: asyncio.AbstractEventLoop
    database: Database
    users: tuple[UUID, ...]

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine. Steps are called outside of a loop."""
        return self.loop.run_until_complete(step)

    async def transact(self, step: Callable[[Connection], Awaitable[T]]) -> T:
        async with self.database.transaction() as connection:
            return await step(connection)

    async def ask(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return await fetch(connection, query, **values)


@dataclass
class Content:
    """The content under a key. Each attempt stores other bytes, as with a portal that renders on demand."""

    sha256: str
    listed_as: str  #: the portal's uuid of the content that was asked for
    is_old: bool = False  #: another one was listed since: that the first one may be listed again proves nothing


@dataclass(frozen=True)
class Promise:
    """A client was given a job that has to settle these documents."""

    job_id: UUID
    user_id: UUID
    url: str | None
    documents: frozenset[UUID]
    anew: frozenset[UUID]  #: of these, those that have to be downloaded after the request
    asked_at: datetime


@dataclass
class Flight:
    """A download in progress."""

    task: Task
    file: StoredFile | None = None  #: once the store has it


@dataclass
class Worker:
    """What one worker knows of a job. It may be outdated: the lease may be lost."""

    job: ClaimedJob
    tasks: list[Task] | None = None  #: not begun yet; None before it has asked
    flights: list[Flight] = field(default_factory=list)


@dataclass
class Life:
    """The case, and everything around it that is not in the database."""

    world: World
    number: ProcessNumber
    workers: list[Worker] = field(default_factory=list)
    attempts: list[ClaimedDelivery] = field(default_factory=list)
    store: dict[str, Content] = field(default_factory=dict)
    listed: dict[int, Collection[str]] = field(default_factory=dict)  #: origins in each listing, by its place
    removable: list[str] = field(default_factory=list)  #: keys that the bucket was found not to need
    promises: list[Promise] = field(default_factory=list)

    async def jobs(self) -> list[dict[str, Any]]:
        """The jobs of the case, the oldest first, with the number of their events."""
        return await self._rows(
            "SELECT *, (SELECT count(*) FROM events WHERE job_id = jobs.id) AS events FROM jobs"
            " WHERE process_number = :number ORDER BY created_at"
        )

    async def documents(self) -> list[dict[str, Any]]:
        """The documents of the case, in the order of the file."""
        return await self._rows("SELECT * FROM documents WHERE process_number = :number ORDER BY position, id")

    async def events(self) -> list[dict[str, Any]]:
        """The events of the case."""
        return await self._rows("SELECT * FROM events WHERE process_number = :number")

    async def deliveries(self) -> list[dict[str, Any]]:
        """The deliveries of the case, the oldest first."""
        return await self._rows(
            "SELECT *, (SELECT count(*) FROM delivery_attempts WHERE delivery_id = deliveries.id) AS attempts_made"
            " FROM deliveries WHERE process_number = :number ORDER BY created_at"
        )

    async def listed_last(self) -> Collection[str]:
        """The origins in the listing that was registered last."""
        rows = await self._rows("SELECT listing_asked FROM processes WHERE number = :number")
        return self.listed.get(rows[0]["listing_asked"], ()) if rows else ()

    async def newest_job(self) -> UUID | None:
        """The newest job, active or ended."""
        found = await self.jobs()
        return found[-1]["id"] if found else None

    async def _rows(self, query: str) -> list[dict[str, Any]]:
        return await self.world.ask(query, number=self.number.digits)

    async def listing(self, shown: Sequence[str]) -> Listing:
        """The listing that the portal returns now; documents as `origin:content`."""
        documents = tuple(listed(*each.split(":")) for each in shown)
        asked = await self.world.transact(processes.next_listing)
        self.listed[asked] = {document.origin_id for document in documents}
        for content in self.store.values():
            content.is_old |= any(_is_other(document, content) for document in documents)
        return listing_of(self.number, *documents, asked=asked)


def _is_other(document: ListedDocument, content: Content) -> bool:
    uuid = document.copies[0].uuid
    return uuid != content.listed_as and uuid.rpartition("-")[0] == content.listed_as.rpartition("-")[0]
