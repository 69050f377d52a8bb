"""One case as the database functions see it: every step that an API process or a worker may take, in any order."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from service.database import attempts, deliveries, documents, jobs, overdue, processes, requests, turns
from service.database.connection import Connection, Database
from service.domain.deliveries import Attempt, ClaimedDelivery, Verdict
from service.domain.documents import StoredFile, Written
from service.domain.errors import ErrorCode
from service.domain.jobs import ClaimedJob, LeaseLost
from service.domain.listings import Copy, ListedDocument, Listing
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus

T = TypeVar("T")

LIMIT = 10  # documents in an event
NOW = timedelta(0)


@dataclass(frozen=True)
class World:
    """A database, a loop to ask it in, and a user."""

    loop: asyncio.AbstractEventLoop
    database: Database
    user_id: UUID

    def run(self, step: Callable[[Connection], Awaitable[T]]) -> T:
        """One transaction."""

        async def transact() -> T:
            async with self.database.transaction() as connection:
                return await step(connection)

        return self.loop.run_until_complete(transact())

    def ask(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """What the database holds."""

        async def fetch(connection: Connection) -> list[dict[str, Any]]:
            return [dict(row) for row in await connection.fetch_all(query, values)]

        return self.run(fetch)


@dataclass
class Life:
    """The steps, and the leases that workers believe to hold, whether they do or not."""

    world: World
    number: ProcessNumber
    leases: list[ClaimedJob] = field(default_factory=list)
    attempts: list[ClaimedDelivery] = field(default_factory=list)

    def request(self, *, webhook: str | None, refresh: bool, listed: Sequence[str]) -> None:
        """What the main entry does when the portal answers. `listed`: documents as `origin:content`."""
        wanted = self._wanted(webhook, refresh=refresh)

        async def accept(connection: Connection) -> None:
            if refresh or not await processes.is_listed(connection, self.number):
                await requests.register(connection, self._listing(listed))
            else:
                await processes.lock(connection, self.number)
            await requests.accept(connection, wanted, event_limit=LIMIT)

        self.world.run(accept)

    def keep(self, *, webhook: str | None) -> None:
        """What it does when the portal does not answer."""
        self.world.run(lambda connection: requests.keep(connection, self._wanted(webhook, refresh=False)))

    def cancel(self) -> None:
        """Somebody stops the newest job, whether it has ended or not."""
        if (job := self._newest_job()) is not None:
            self.world.run(lambda connection: requests.cancel(connection, job, event_limit=LIMIT))

    def claim(self) -> None:
        """A bell is heard: for the newest job."""
        if (job := self._newest_job()) is not None:
            claimed = self.world.run(lambda connection: jobs.claim(connection, job))
            self.leases += [claimed] if claimed is not None else []

    def crash(self) -> None:
        """The owner is gone, and its lease has ended; it may wake up again and believe to hold it."""
        self.world.run(
            lambda connection: connection.execute(
                "UPDATE jobs SET lease_expires_at = now() - interval '1 second'"
                " WHERE process_number = :number AND lease_token IS NOT NULL",
                {"number": self.number.digits},
            )
        )

    def renew(self, job: ClaimedJob) -> None:
        """A heartbeat."""
        held = self.world.run(lambda connection: jobs.renew(connection, job))
        assert held == (job.lease in {each["lease_token"] for each in self.jobs()})

    def release(self, job: ClaimedJob) -> None:
        """A worker hands a job over."""
        self.world.run(lambda connection: jobs.release(connection, job, delay=NOW))

    def list_again(self, job: ClaimedJob, listed: Sequence[str]) -> None:
        """A worker asks the portal for the case."""

        async def register(connection: Connection) -> None:
            await requests.register(connection, self._listing(listed))
            await jobs.hold(connection, job)

        self._unless_lost(register)

    def download(self, job: ClaimedJob, *, works: bool) -> bool:
        """A worker brings the next document of its job to its end. False: there is none, or the lease was lost."""
        tasks = self.world.run(lambda connection: documents.tasks_of_job(connection, job.id))
        if not tasks or not self.world.run(lambda connection: documents.start(connection, tasks[0].id, job.lease)):
            return False
        key = f"{tasks[0].id}/{uuid4()}"
        file = StoredFile(key, 100, "0" * 64, "application/pdf")

        told: Any = {"revision": tasks[0].revision, "attempts": 1}

        async def mark(connection: Connection) -> Written:
            if works:
                return await documents.mark_available(connection, tasks[0].id, job.lease, file, **told)
            return await documents.mark_failed(connection, tasks[0].id, job.lease, ErrorCode.PORTAL_ERROR, **told)

        return self.world.run(mark) is Written.YES

    def finish(self, job: ClaimedJob) -> None:
        """A worker believes to be done."""
        self._unless_lost(lambda connection: requests.finish(connection, job, event_limit=LIMIT))

    def abandon(self, job: ClaimedJob) -> None:
        """The portal does not know the case."""
        self._unless_lost(
            lambda connection: requests.abandon(connection, job, ErrorCode.PROCESS_NOT_FOUND, event_limit=LIMIT)
        )

    def sweep(self) -> None:
        """What the rescuer asks."""

        async def take(connection: Connection) -> None:
            await jobs.release_expired(connection, limit=100)
            await jobs.release_delayed(connection, limit=100)
            await turns.tidy(connection)
            await overdue.take_overdue(connection)

        self.world.run(take)

    def claim_delivery(self) -> bool:
        """A bell is heard for each delivery that is not closed, or that somebody wants again."""
        before = len(self.attempts)
        for delivery in self.deliveries():
            self.world.run(functools.partial(self._claim_delivery, delivery["id"]))
        return len(self.attempts) > before

    async def _claim_delivery(self, delivery_id: UUID, connection: Connection) -> None:
        claimed = await attempts.claim(connection, delivery_id, term=timedelta(minutes=1), may_probe=True)
        if isinstance(claimed, ClaimedDelivery):
            self.attempts.append(claimed)

    def record(self, delivery: ClaimedDelivery, status: DeliveryStatus) -> None:
        """An attempt was made."""
        attempt = Attempt(self._moment(), 5, "answered", 204, None, None)
        retry_in = NOW if status is DeliveryStatus.SCHEDULED else None
        verdict = Verdict(status, retry_in=retry_in, host_works=status is DeliveryStatus.DELIVERED)
        self.world.run(lambda connection: attempts.record(connection, delivery, attempt, verdict))

    def lose_attempts(self) -> None:
        """The workers that make attempts are gone, and their leases have ended."""
        self.world.run(
            lambda connection: connection.execute(
                "UPDATE deliveries SET lease_expires_at = now() - interval '1 second'"
                " WHERE process_number = :number AND lease_token IS NOT NULL",
                {"number": self.number.digits},
            )
        )

    def resend(self) -> None:
        """Somebody wants the newest delivery once more."""
        if found := self.deliveries():
            self.world.run(lambda connection: deliveries.resend(connection, found[-1]["id"]))

    def jobs(self) -> list[dict[str, Any]]:
        """Of the case, the oldest first, with the number of their events."""
        return self.world.ask(
            "SELECT *, (SELECT count(*) FROM events WHERE job_id = jobs.id) AS events FROM jobs"
            " WHERE process_number = :number ORDER BY created_at",
            number=self.number.digits,
        )

    def documents(self) -> list[dict[str, Any]]:
        """Of the case."""
        return self.world.ask("SELECT * FROM documents WHERE process_number = :number", number=self.number.digits)

    def deliveries(self) -> list[dict[str, Any]]:
        """Of the case, the oldest first."""
        return self.world.ask(
            "SELECT *, (SELECT count(*) FROM delivery_attempts WHERE delivery_id = deliveries.id) AS attempts_made"
            " FROM deliveries WHERE process_number = :number ORDER BY created_at",
            number=self.number.digits,
        )

    def _newest_job(self) -> UUID | None:
        found = self.jobs()
        return found[-1]["id"] if found else None

    def _unless_lost(self, step: Callable[[Connection], Awaitable[object]]) -> None:
        try:
            self.world.run(step)
        except LeaseLost:
            return

    def _moment(self) -> Any:
        return self.world.ask("SELECT now() AS moment")[0]["moment"]

    def _wanted(self, webhook: str | None, *, refresh: bool) -> requests.Request:
        url = None if webhook is None else f"https://{self.number.digits}.example/{webhook}"
        return requests.Request(self.number, self.world.user_id, str(uuid4()), url, force_refresh=refresh)

    def _listing(self, listed: Sequence[str]) -> Listing:
        return Listing(
            number=self.number,
            court="TJSP",
            court_class=None,
            subject=None,
            filed_at=None,
            secrecy_level=0,
            documents=tuple(_document(*each.split(":")) for each in listed),
        )


def _document(origin: str, content: str) -> ListedDocument:
    return ListedDocument(
        instance="PRIMEIRO_GRAU",
        origin_id=origin,
        sequence=1,
        name="Petição",
        type="Petição",
        secrecy="PUBLICO",
        filed_at=None,
        page_count=None,
        declared_size=100,
        declared_mime_type=None,
        copies=(Copy(f"uuid-{origin}-{content}", "/binario", None),),
    )
