"""One case, in the steps of the API and the workers. Each step is a transaction of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec

from service.database.cases import case_requests, documents, processes
from service.database.cases.case_requests import Accepted, CaseRequest
from service.database.connection import Connection, Database
from service.database.jobs import jobs
from service.domain.documents import StoredFile, Task, Written
from service.domain.errors import ErrorCode
from service.domain.jobs import ClaimedJob, Settlement
from service.domain.listings import Copy, ListedDocument, Listing
from service.domain.process_number import ProcessNumber
from tests.support.database.claims import claim_job

T = TypeVar("T")
LIMIT = 1000  # documents in an event


def listed(origin: str, content: str = "1", **changes: Any) -> ListedDocument:
    """A document of a listing. Another content gets another uuid."""
    values: dict[str, Any] = {
        "instance": "PRIMEIRO_GRAU",
        "origin_id": origin,
        "sequence": 1,
        "name": f"Petição {origin}",
        "type": "Petição",
        "secrecy": "PUBLICO",
        "filed_at": None,
        "declared_size": 100,
        "declared_mime_type": None,
        "page_count": None,
        "copies": (Copy(f"uuid-{origin}-{content}", "/binario", None),),
    }
    return ListedDocument(**(values | changes))


def listing_of(number: ProcessNumber, *found: ListedDocument, asked: int | None = None) -> Listing:
    """A listing of these documents. `asked` is its position among all listings."""
    return Listing(
        number=number,
        court="TJSP",
        court_class=None,
        subject=None,
        filed_at=None,
        secrecy_level=0,
        documents=found,
        asked=asked,
    )


def without_address(origin: str, **changes: Any) -> ListedDocument:
    """A listed document without an address."""
    return listed(origin, copies=(Copy(origin, None, None),), **changes)


@dataclass
class CaseSteps:
    """A case, and the user of requests that name no other."""

    database: Database
    number: ProcessNumber
    user_id: UUID

    async def run(self, step: Callable[[Connection], Awaitable[T]]) -> T:
        async with self.database.transaction() as connection:
            return await step(connection)

    async def fetch(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch_all(query, {"number": self.number.digits} | values)]

    def listing(self, *found: ListedDocument, asked: int | None = None) -> Listing:
        """A listing of the portal."""
        return listing_of(self.number, *found, asked=asked)

    async def register(self, *found: ListedDocument, asked: int | None = None) -> UUID | None:
        """Register a listing. `asked` is its position among all listings."""
        listing = self.listing(*found, asked=asked)
        return (await self.run(lambda connection: case_requests.register(connection, listing))).waited

    def wanted(self, url: str | None = None, *, user_id: UUID | None = None, refresh: bool = False) -> CaseRequest:
        """A request. `url` is the path of a webhook."""
        webhook_url = None if url is None else f"https://host.example/{url}"
        return CaseRequest(self.number, user_id or self.user_id, str(uuid4()), webhook_url, force_refresh=refresh)

    async def ask(self, url: str | None = None, **how: Any) -> Accepted:
        """Request the whole case."""

        async def accept(connection: Connection) -> Accepted:
            await processes.lock(connection, self.number)
            return await case_requests.accept(connection, self.wanted(url, **how), event_limit=LIMIT)

        return await self.run(accept)

    async def download(self, *origins: str, url: str | None = None, **how: Any) -> Accepted:
        """Request some documents, even if they are available."""
        rows = await self.fetch(
            "SELECT id FROM documents WHERE process_number = :number AND origin_id = ANY(:origins)", origins=origins
        )

        async def download(connection: Connection) -> Accepted:
            await processes.lock(connection, self.number)
            ids = [row["id"] for row in rows]
            return await case_requests.download(connection, self.wanted(url, **how), ids, event_limit=LIMIT)

        return await self.run(download)

    async def keep(self, url: str | None = None, *, asked: int | None = None, **how: Any) -> Accepted:
        """Request the case while the portal does not respond."""
        return await self.run(
            lambda connection: case_requests.accept_unlisted(connection, self.wanted(url, **how), asked=asked)
        )

    async def claim(self) -> ClaimedJob:
        """Claim the active job."""

        async def claim(connection: Connection) -> ClaimedJob | None:
            job_id = await jobs.find_active(connection, self.number)
            return None if job_id is None else await claim_job(connection, job_id)

        claimed = await self.run(claim)
        assert claimed is not None
        return claimed

    async def tasks(self, job: ClaimedJob) -> dict[str, Task]:
        """The tasks of the job, by origin."""
        found = await self.run(lambda connection: documents.tasks_of_job(connection, job.id))
        return {task.name.removeprefix("Petição "): task for task in found}

    async def start(self, job: ClaimedJob, task: Task) -> bool:
        return await self.run(lambda connection: documents.start(connection, task.id, job.lease))

    async def store(self, job: ClaimedJob, task: Task, following: Task | None = None, **facts: Any) -> Written:
        """Record a stored document, with `facts` of its file."""
        values: dict[str, Any] = {
            "size": task.declared_size or 1,
            "sha256": "0" * 64,
            "mime_type": "application/pdf",
        } | facts
        file = StoredFile(f"{task.id}/{uuid4()}", **values)
        return await self.run(
            lambda connection: documents.mark_available(
                connection,
                task.id,
                job.lease,
                file,
                revision=task.revision,
                attempts=1,
                following=None if following is None else following.id,
            )
        )

    async def fail(self, job: ClaimedJob, task: Task, code: ErrorCode = ErrorCode.PORTAL_ERROR) -> Written:
        """Record a failed document."""
        return await self.run(
            lambda connection: documents.mark_failed(
                connection, task.id, job.lease, code, revision=task.revision, attempts=1
            )
        )

    async def work(self, job: ClaimedJob) -> None:
        """Download everything that the job has to download."""
        for task in (await self.tasks(job)).values():
            assert await self.start(job, task)
            assert await self.store(job, task) is Written.YES

    async def finish(self, job: ClaimedJob) -> Settlement | None:
        """End the job, as a worker does that finds nothing left to do."""
        return await self.run(lambda connection: case_requests.finish(connection, job, event_limit=LIMIT))

    async def complete(self, **how: Any) -> UUID:
        """Run a job from its request to its end."""
        accepted = await self.ask(**how)
        job = await self.claim()
        assert job.id == accepted.job_id
        await self.work(job)
        assert await self.finish(job) is not None
        return job.id

    async def cancel(self, job_id: UUID) -> Settlement | None:
        """Cancel a job, as an administrator."""
        return await self.run(lambda connection: case_requests.cancel(connection, job_id, event_limit=LIMIT))

    async def documents(self) -> dict[str, dict[str, Any]]:
        """The rows, by origin."""
        rows = await self.fetch("SELECT * FROM documents WHERE process_number = :number ORDER BY origin_id")
        return {row["origin_id"]: row for row in rows}

    async def statuses(self) -> dict[str, str]:
        """The statuses of the documents, by origin."""
        return {origin: row["status"] for origin, row in (await self.documents()).items()}

    async def events(self) -> list[dict[str, Any]]:
        """The oldest first; each body is decoded."""
        rows = await self.fetch("SELECT * FROM events WHERE process_number = :number ORDER BY occurred_at")
        return [row | {"body": msgspec.json.decode(row["body"])} for row in rows]

    async def job(self, job_id: UUID | None) -> dict[str, Any]:
        """One job."""
        [row] = await self.fetch("SELECT * FROM jobs WHERE id = :id AND process_number = :number", id=job_id)
        return row
