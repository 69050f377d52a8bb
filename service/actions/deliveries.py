"""Sends deliveries again and stops them. `owner`: the user whose deliveries may be named; None: those of all users."""

from datetime import datetime
from uuid import UUID

import msgspec

from service.database.access import DatabaseAccess
from service.database.connection import Connection
from service.database.deliveries import cancelled_deliveries, deliveries, delivery_history, endpoints, overdue
from service.database.deliveries.delivery_history import AttemptRow, DeliveryRow
from service.domain.deliveries import DeliveryMessage
from service.domain.statuses import DeliveryStatus
from service.queue.task_queue import TaskQueue


class UnknownDelivery(Exception):
    """There is no such delivery of this owner."""


class DeliveryNotDue(Exception):
    """The job has not ended: there is nothing to send yet."""


class EndpointDisabled(Exception):
    """Only an endpoint wants the delivery, and it is switched off or was deleted."""


class DeliveryEnded(Exception):
    """The delivery was delivered or given up before."""

    def __init__(self, status: DeliveryStatus) -> None:
        super().__init__(f"the delivery is {status}")
        self.status = status


class Resent(msgspec.Struct, frozen=True):
    """A delivery that is sent once more."""

    delivery: DeliveryRow
    attempts: list[AttemptRow]
    is_enqueued: bool  #: False: Redis does not answer, and the workers' sweep enqueues it later


class Cancelled(msgspec.Struct, frozen=True):
    """A delivery that is cancelled."""

    delivery: DeliveryRow
    attempts: list[AttemptRow]
    was_open: bool  #: False: it was cancelled before


class Recovered(msgspec.Struct, frozen=True):
    """Deliveries that are sent again."""

    count: int
    is_enqueued: bool  #: False: Redis does not answer, and the workers' sweep enqueues them later


async def resend(database: DatabaseAccess, queue: TaskQueue, delivery_id: UUID | None, *, owner: UUID | None) -> Resent:
    """Send a delivery once more, now. Raises `UnknownDelivery`, `EndpointDisabled` and `DeliveryNotDue`."""

    async def schedule(connection: Connection) -> tuple[DeliveryMessage, DeliveryRow, list[AttemptRow]]:
        found = await _find(connection, delivery_id, owner)
        if found.endpoint_id is not None and not await endpoints.is_reachable(connection, found.id):
            raise EndpointDisabled
        due = await deliveries.resend(connection, found.id)
        if due is None:
            raise DeliveryNotDue
        return due, *await _read(connection, found)

    due, delivery, attempts = await database.run(schedule)
    is_enqueued = await queue.enqueue_delivery(due)
    return Resent(delivery, attempts, is_enqueued)


async def cancel(database: DatabaseAccess, delivery_id: UUID | None, *, owner: UUID | None) -> Cancelled:
    """Stop a delivery. Raises `UnknownDelivery` and `DeliveryEnded`."""

    async def stop(connection: Connection) -> Cancelled:
        found = await _find(connection, delivery_id, owner)
        was_open = await cancelled_deliveries.cancel(connection, found.id)
        delivery, attempts = await _read(connection, found)
        if not was_open and delivery.status is not DeliveryStatus.CANCELLED:
            raise DeliveryEnded(delivery.status)
        return Cancelled(delivery, attempts, was_open)

    return await database.run(stop)


async def recover(database: DatabaseAccess, queue: TaskQueue, *, since: datetime, owner: UUID | None) -> Recovered:
    """Send all deliveries again that have failed since a time, each with a whole new schedule."""

    async def schedule(connection: Connection) -> tuple[int, list[DeliveryMessage]]:
        count = await deliveries.recover(connection, since=since, user_id=owner)
        return count, (await overdue.take_overdue(connection)).messages if count else []

    count, due = await database.run(schedule)
    enqueued = [await queue.enqueue_delivery(each) for each in due]
    return Recovered(count, all(enqueued))


async def _find(connection: Connection, delivery_id: UUID | None, owner: UUID | None) -> DeliveryRow:
    found = None if delivery_id is None else await delivery_history.find(connection, delivery_id, user_id=owner)
    if found is None:
        raise UnknownDelivery
    return found


async def _read(connection: Connection, before: DeliveryRow) -> tuple[DeliveryRow, list[AttemptRow]]:
    after = await delivery_history.find(connection, before.id, user_id=None) or before
    attempts = await delivery_history.attempts_of(connection, [before.id])
    return after, list(attempts[before.id])
