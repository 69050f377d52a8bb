"""The deliveries of a case."""

import functools
from datetime import timedelta
from uuid import UUID

from service.database.connection import Connection
from service.database.deliveries import deliveries, delivery_attempts
from service.domain.deliveries import Attempt, ClaimedDelivery, NextStep
from service.domain.statuses import DeliveryStatus
from tests.support.life.life import Life


async def claim(life: Life) -> bool:
    """Claim an attempt of each delivery that is due. True if there was one."""
    before = len(life.attempts)
    for delivery in await life.deliveries():
        await life.world.transact(functools.partial(_claim, life, delivery["id"]))
    return len(life.attempts) > before


async def _claim(life: Life, delivery_id: UUID, connection: Connection) -> None:
    claimed = await delivery_attempts.claim(connection, delivery_id, term=timedelta(minutes=1), may_probe=True)
    if isinstance(claimed, ClaimedDelivery):
        life.attempts.append(claimed)


async def record(life: Life, delivery: ClaimedDelivery, status: DeliveryStatus) -> None:
    """Record an attempt."""
    (moment,) = await life.world.ask("SELECT now() AS now")
    attempt = Attempt(moment["now"], 5, "answered", 204, None, None)
    retry_in = timedelta(0) if status is DeliveryStatus.SCHEDULED else None
    step = NextStep(status, retry_in=retry_in, host_reachable=status is DeliveryStatus.DELIVERED)
    await life.world.transact(lambda connection: delivery_attempts.record(connection, delivery, attempt, step))


async def lose_attempts(life: Life) -> None:
    """End the leases of all attempts, as if their workers were killed."""
    await life.world.transact(
        lambda connection: connection.execute(
            "UPDATE deliveries SET lease_expires_at = now() - interval '1 second'"
            " WHERE process_number = :number AND lease_token IS NOT NULL",
            {"number": life.number.digits},
        )
    )


async def resend(life: Life) -> None:
    """Request a resend of the newest delivery."""
    if found := await life.deliveries():
        await life.world.transact(lambda connection: deliveries.resend(connection, found[-1]["id"]))


async def deliver_to_the_end(life: Life) -> None:
    """Make attempts until nothing is due; every subscriber responds with 204."""
    await lose_attempts(life)
    life.attempts.clear()
    while await claim(life):
        await record(life, life.attempts[-1], DeliveryStatus.DELIVERED)
        await lose_attempts(life)
