"""Deliveries without a download, and the task that makes their attempts, in this process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from service.database.cases import processes
from service.database.connection import Database, create_database
from service.database.deliveries import deliveries, events
from service.database.users import users
from service.domain.api_keys import new_api_key
from service.domain.deliveries import DeliveryMessage
from service.domain.events import EventBody, EventDocument
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DocumentStatus, ProcessStatus
from service.domain.users import Role
from service.observability.metrics import WorkerMetrics
from service.queue.task_queue import RetryUntilShutdown, TaskQueue, redis_pool
from service.storage.object_store import ObjectStore
from service.webhooks.addresses.policy import AddressPolicy
from service.webhooks.addresses.resolver import NameResolver
from service.webhooks.client import GuardedClient
from service.webhooks.signature import new_secret
from worker.context import Context, Limits
from worker.loops.alerts import Alerts
from worker.shutdown import Shutdown
from worker.tasks.deliver_webhook import RETRY_LANE, deliver_webhook

NUMBER = ProcessNumber.parse("0000123-06.2023.4.03.6100")


class SilentQueue:
    """Records the messages and enqueues none."""

    def __init__(self) -> None:
        self.enqueued: list[DeliveryMessage] = []

    async def enqueue_delivery(self, message: DeliveryMessage) -> bool:
        """As `TaskQueue.enqueue_delivery`."""
        self.enqueued.append(message)
        return True


class ThisMachine:
    """A resolver that returns the address of this machine for every name."""

    async def addresses(self, _host: str) -> Sequence[str]:
        """As `NameResolver.addresses`."""
        return ["127.0.0.1"]

    async def is_working(self) -> bool:
        """As `NameResolver.is_working`."""
        return True


@asynccontextmanager
async def open_pool(url: str, size: int = 4) -> AsyncIterator[Database]:
    """Open a pool for one test."""
    pool = create_database(url, application_name="tests", max_size=size)
    await pool.connect()
    try:
        yield pool
    finally:
        await pool.close()


async def name_of(database: Database) -> str:
    """What its server calls it."""
    async with database.connection() as connection:
        name: str = await connection.fetch_val("SELECT current_database()")
    return name


async def add_user(database: Database, *, role: Role = "user", secret: str | None = None) -> tuple[UUID, str]:
    """Create a user for one test, and return its id and key."""
    api_key = new_api_key()
    async with database.transaction() as connection:
        user_id = await users.create(
            connection, name=f"user {uuid4()}", role=role, api_key=api_key, secret=secret or new_secret()
        )
    return user_id, api_key


def event_document(key: str) -> EventDocument:
    """A document that is available under a key."""
    return EventDocument(
        id=uuid4(),
        uuid="aaaaaaaa-0000-5000-8000-000000000001",
        name="Petição inicial.pdf",
        type="Petição",
        status=DocumentStatus.AVAILABLE,
        size=100,
        mime_type="application/pdf",
        sha256="0" * 64,
        storage_key=key,
        error_code=None,
        error_message=None,
    )


async def add_event(database: Database, *documents: EventDocument) -> UUID:
    """Add an event that needed no job."""
    moment = datetime.now(UTC)
    body = EventBody(
        process_number=NUMBER.masked,
        job_id=None,
        status=ProcessStatus.COMPLETED,
        total_documents=len(documents),
        completed_documents=len(documents),
        failed_documents=0,
        completed_at=moment,
        documents=documents,
        documents_truncated=False,
    )
    async with database.transaction() as connection:
        await processes.add_unlisted(connection, NUMBER)
        return await events.record(
            connection, body, number=NUMBER.digits, event_type="process.completed", occurred_at=moment
        )


async def schedule(database: Database, user_id: UUID, *urls: str, event_id: UUID | None = None) -> list[UUID]:
    """Add one due delivery for each URL, each a moment later than the one before."""
    event = event_id or await add_event(database)
    async with database.connection() as connection:
        return [
            await deliveries.schedule_one(connection, NUMBER, event_id=event, user_id=user_id, url=url) for url in urls
        ]


@dataclass(frozen=True)
class Sender:
    """Creates events with deliveries."""

    database: Database
    queue: TaskQueue

    async def send(self, user_id: UUID, *urls: str) -> list[UUID]:
        """The deliveries to these URLs, each with a message."""
        ids = await schedule(self.database, user_id, *urls)
        for delivery_id in ids:
            await self.queue.enqueue_delivery(DeliveryMessage(delivery_id))
        return ids


@asynccontextmanager
async def open_sender(database: Database, redis_url: str) -> AsyncIterator[Sender]:
    """One that enqueues where a service's workers listen."""
    pool = redis_pool(redis_url)
    try:
        yield Sender(database, TaskQueue(pool))
    finally:
        await pool.aclose(close_connection_pool=True)


async def update(database: Database, delivery_id: UUID, change: str) -> None:
    """Change columns of a delivery, as if time had passed."""
    async with database.connection() as connection:
        statement = f"UPDATE deliveries SET {change} WHERE id = :id"  # noqa: S608  (written by the test)
        await connection.execute(statement, {"id": delivery_id})


async def make_due(database: Database, delivery_id: UUID) -> None:
    """Make the next attempt due."""
    await update(database, delivery_id, "next_attempt_at = now()")


async def row(database: Database, delivery_id: UUID) -> dict[str, Any]:
    """The columns of a delivery."""
    async with database.connection() as connection:
        found = await connection.fetch_one("SELECT * FROM deliveries WHERE id = :id", {"id": delivery_id})
    assert found is not None
    return dict(found)


def task_context(
    database: Database,
    *,
    store: ObjectStore | None = None,
    resolver: NameResolver | None = None,
    delays: Sequence[float] = (0, 0),
    timeout: float = 60,
) -> Context:
    """What the task works with. The queue is a `SilentQueue`; what deliveries do not use is not there."""
    return Context(
        database=database,
        portal=cast(Any, None),
        share=cast(Any, None),
        store=cast(Any, store),
        queue=cast(TaskQueue, SilentQueue()),
        subscribers=GuardedClient(
            AddressPolicy.development(allow_private_hosts=True), resolver or ThisMachine(), timeout=timeout
        ),
        alerts=Alerts(()),
        metrics=WorkerMetrics(),
        notes=cast(Any, None),
        shutdown=Shutdown(RetryUntilShutdown()),
        public_url="https://autos.example.com",
        limits=Limits(
            download_concurrency=1,
            download_attempts=1,
            download_max_bytes=1,
            webhook_timeout=timedelta(seconds=timeout),
            webhook_retry_delays=tuple(timedelta(seconds=each) for each in delays),
            webhook_max_documents=500,
        ),
    )


async def attempt(context: Context, delivery_id: UUID, *, in_retry_lane: bool = True) -> None:
    """Run the task once, as arq does."""
    await deliver_webhook({"autos": context, RETRY_LANE: in_retry_lane}, str(delivery_id))
