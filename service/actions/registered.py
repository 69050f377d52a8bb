"""Enqueues what a registered listing has set going, after the commit."""

from collections.abc import Iterable
from uuid import UUID

from service.domain.deliveries import DeliveryMessage
from service.domain.listings import Registered
from service.queue.task_queue import TaskQueue


async def enqueue_registered(queue: TaskQueue, registered: Registered) -> None:
    """Enqueue the job that waited for the listing, and what watchers are told."""
    if registered.waited is not None:
        await queue.enqueue_job(registered.waited)
    await enqueue_deliveries(queue, registered.deliveries)


async def enqueue_deliveries(queue: TaskQueue, deliveries: Iterable[UUID]) -> None:
    """Enqueue first attempts. If Redis is away, the workers' sweep enqueues the others later."""
    for delivery_id in deliveries:
        if not await queue.enqueue_delivery(DeliveryMessage(delivery_id)):
            return
