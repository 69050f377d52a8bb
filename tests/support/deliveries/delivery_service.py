"""Deliveries and the workers that make their attempts, without jobs, portal or API."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from service.domain.deliveries import DeliveryMessage
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.deliveries.deliveries import (
    NUMBER,
    Sender,
    add_event,
    add_user,
    open_pool,
    open_sender,
    schedule,
    update,
)
from tests.support.processes import Process, start_worker


@dataclass
class DeliveryService:
    """Deliveries of one user, and workers that tests may kill."""

    sender: Sender
    user_id: UUID
    environment: dict[str, str]
    logs: Path
    workers: list[Process] = field(default_factory=list)

    async def add_worker(self, **changes: str) -> Process:
        """Start another worker, with some variables changed."""
        worker = await start_worker({**self.environment, **changes}, self.logs / f"worker-{secrets.token_hex(4)}.log")
        self.workers.append(worker)
        return worker

    async def send(self, *urls: str) -> list[UUID]:
        """Enqueue first attempts, one for each URL."""
        return await self.sender.send(self.user_id, *urls)

    async def send_late(self, *urls: str) -> None:
        """Enqueue second attempts, one for each URL."""
        for delivery_id in await schedule(self.sender.database, self.user_id, *urls):
            await update(self.sender.database, delivery_id, "attempts = 1")
            await self.sender.queue.enqueue_delivery(DeliveryMessage(delivery_id, attempt=2))

    async def add_failed(self, *urls: str) -> None:
        """Add failed deliveries, in one statement."""
        event_id = await add_event(self.sender.database)
        async with self.sender.database.connection() as connection:
            await connection.execute(
                "INSERT INTO deliveries (id, process_number, event_id, user_id, url, status, attempts, completed_at)"
                " SELECT gen_random_uuid(), :number, :event_id, :user_id, url, 'failed', 10, now()"
                " FROM unnest(CAST(:urls AS text[])) AS url",
                {"number": NUMBER.digits, "event_id": event_id, "user_id": self.user_id, "urls": list(urls)},
            )

    async def count(self, status: str) -> int:
        """Count the deliveries with a status."""
        async with self.sender.database.connection() as connection:
            query = "SELECT count(*) FROM deliveries WHERE status = :status"
            return int(await connection.fetch_val(query, {"status": status}))

    async def pass_time(self) -> None:
        """End the leases of all attempts, and the time that a message may take."""
        async with self.sender.database.connection() as connection:
            await connection.execute(
                "UPDATE deliveries SET ring_at = now(),"
                " lease_expires_at = CASE WHEN lease_token IS NOT NULL THEN now() END WHERE ring_at IS NOT NULL"
            )


@asynccontextmanager
async def running_delivery_service(
    stack: Stack, logs: Path, *, redis_number: int, **changes: str
) -> AsyncIterator[DeliveryService]:
    """A database of its own and no worker yet. The queues' names are fixed, so Redis is asked for another number."""
    base = stack.endpoints.environment(bucket=f"test-{secrets.token_hex(6)}")
    environment = base | {
        "DATABASE_URL": await create_database(stack),
        "REDIS_URL": f"{base['REDIS_URL'].rpartition('/')[0]}/{redis_number}",
        "WEBHOOK_ALLOW_PRIVATE_HOSTS": "true",
        "WEBHOOK_RETRY_DELAYS": "1,1,1,1,1,1,1,1,1",
        "WEBHOOK_TIMEOUT": "300",
        "LOG_FORMAT": "json",
        **changes,
    }
    async with (
        open_pool(environment["DATABASE_URL"]) as pool,
        open_sender(pool, environment["REDIS_URL"]) as sender,
    ):
        service = DeliveryService(sender, (await add_user(pool))[0], environment, logs)
        try:
            yield service
        finally:
            running = [each for each in service.workers if each.is_running()]
            codes = [await each.stop() for each in running]
        assert set(codes) <= {0}, [each.said for each in running]
