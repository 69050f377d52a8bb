"""`python -m tests.benchmarks.deliveries`: what one dead host costs the others.

Webhooks for a hundred hosts come in at a steady rate; one worker delivers them. The time from the moment that a
delivery is due to its first attempt is read from the database, for all hosts but one; that one answers in the runs
without, and hangs in the runs with a dead host. Runs take turns. Exits with 1 where the 95th percentile with a dead
host is more than twice the one without.
"""

import asyncio
import random
import statistics
import sys
import tempfile
from pathlib import Path
from uuid import UUID

from service.local.stack import Stack, running_stack
from tests.support.deliveries import add_event, schedule
from tests.support.delivery_service import DeliveryService, running_delivery_service
from tests.support.many_hosts import ManyHosts, running_hosts

HOSTS = 100
DELIVERIES = 300  # of one run
RATE = 20.0  # of them a second
ROUNDS = 4  # with and without
LIMIT = 2.0  # the ratio that is allowed
SEED = 20260131


async def send_steadily(service: DeliveryService, hosts: ManyHosts) -> None:
    """Have deliveries become due, to hosts drawn at random."""
    chosen = random.Random(SEED)  # noqa: S311  (the same load in every run)
    event_id = await add_event(service.sender.database)
    clock = asyncio.get_running_loop().time
    start = clock()
    for position in range(DELIVERIES):
        await asyncio.sleep(max(0.0, start + position / RATE - clock()))
        url = hosts.url(hosts.host(chosen.randrange(HOSTS)))
        (delivery_id,) = await schedule(service.sender.database, service.user_id, url, event_id=event_id)
        await service.sender.bell.ring_delivery(delivery_id, attempt=1)


async def times_to_first_attempt(service: DeliveryService, host: str) -> dict[UUID, float | None]:
    """Seconds, of every delivery but those to a host; None where there was no attempt yet."""
    async with service.sender.database.connection() as connection:
        rows = await connection.fetch_all(
            "SELECT deliveries.id,"
            " CAST(extract(epoch FROM min(started_at) - created_at) AS double precision) AS seconds"
            " FROM deliveries LEFT JOIN delivery_attempts ON delivery_id = deliveries.id"
            " WHERE host NOT LIKE :host GROUP BY deliveries.id",
            {"host": f"{host}:%"},
        )
    return {row["id"]: row["seconds"] for row in rows}


async def run(stack: Stack, logs: Path, *, with_dead_host: bool, redis_number: int) -> float:
    """The 95th percentile in seconds."""
    async with (
        running_hosts() as hosts,
        running_delivery_service(stack, logs, redis_number=redis_number, WEBHOOK_TIMEOUT="30") as service,
    ):
        suspect = hosts.host(0)
        if with_dead_host:
            hosts.hang(suspect)
        await service.add_worker()
        await send_steadily(service, hosts)
        async with asyncio.timeout(120):
            while None in (times := await times_to_first_attempt(service, suspect)).values():  # noqa: ASYNC110  (a worker's)
                await asyncio.sleep(0.5)
    return statistics.quantiles([each for each in times.values() if each is not None], n=20)[-1]


async def measure(stack: Stack, logs: Path) -> float:
    """The ratio of the two medians; prints every run."""
    found: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * ROUNDS):
        with_dead_host = bool(number % 2)
        found[with_dead_host].append(await run(stack, logs, with_dead_host=with_dead_host, redis_number=number + 1))
        hosts = "1 dead host" if with_dead_host else "no dead host"
        print(f"{hosts:14}p95 {found[with_dead_host][-1] * 1000:7.0f} ms", flush=True)  # noqa: T201  (a command's output)
    return statistics.median(found[True]) / statistics.median(found[False])


def main() -> int:
    """The exit code."""
    with tempfile.TemporaryDirectory() as directory, running_stack(Path(directory) / "stack") as stack:
        ratio = asyncio.run(measure(stack, Path(directory)))
    print(f"ratio of the medians: {ratio:.2f}, limit {LIMIT}")  # noqa: T201  (a command's output)
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
