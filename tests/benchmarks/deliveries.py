"""Deliveries per second, and the effect of one dead host on the others.

Webhooks for a hundred hosts come in at a steady rate; one worker delivers them. The time from the moment that a
delivery is due to its first attempt is read from the database, for all hosts but one; that one answers in the runs
without, and hangs in the runs with a dead host. Runs take turns. The 95th percentile with a dead host
may be at most twice the one without.
"""

import asyncio
import random
import signal
import statistics
import time
from uuid import UUID

from service.domain.deliveries import DeliveryMessage
from tests.benchmarks.place import Machine
from tests.benchmarks.tools.report import at_most
from tests.benchmarks.tools.resources import cpu_seconds
from tests.support.deliveries.deliveries import add_event, schedule
from tests.support.deliveries.delivery_service import DeliveryService, running_delivery_service
from tests.support.servers.many_hosts import ManyHosts, running_hosts

HOSTS = 100
DELIVERIES = 200  # of one run
AT_ONCE = 1000
RATE = 20.0  # of them a second
ROUNDS = 2  # with and without
LIMIT = 2.0  # the ratio that is allowed
SEED = 20260131


async def send_steadily(service: DeliveryService, hosts: ManyHosts) -> None:
    """Add due deliveries to random hosts."""
    chosen = random.Random(SEED)  # noqa: S311  (the same load in every run)
    event_id = await add_event(service.sender.database)
    clock = asyncio.get_running_loop().time
    start = clock()
    for position in range(DELIVERIES):
        await asyncio.sleep(max(0.0, start + position / RATE - clock()))
        url = hosts.url(hosts.host(chosen.randrange(HOSTS)))
        (delivery_id,) = await schedule(service.sender.database, service.user_id, url, event_id=event_id)
        await service.sender.queue.enqueue_delivery(DeliveryMessage(delivery_id))


async def times_to_first_attempt(service: DeliveryService, host: str) -> dict[UUID, float | None]:
    """The seconds of every delivery, without those to one host. None if there was no attempt yet."""
    async with service.sender.database.connection() as connection:
        rows = await connection.fetch_all(
            "SELECT deliveries.id,"
            " CAST(extract(epoch FROM min(started_at) - created_at) AS double precision) AS seconds"
            " FROM deliveries LEFT JOIN delivery_attempts ON delivery_id = deliveries.id"
            " WHERE host NOT LIKE :host GROUP BY deliveries.id",
            {"host": f"{host}:%"},
        )
    return {row["id"]: row["seconds"] for row in rows}


async def run(machine: Machine, *, with_dead_host: bool) -> float:
    """Run once, and return the 95th percentile in seconds."""
    async with (
        running_hosts() as hosts,
        running_delivery_service(
            machine.stack, machine.new_directory(), redis_number=next(machine.redis_numbers), WEBHOOK_TIMEOUT="30"
        ) as service,
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


async def measure_rate(machine: Machine) -> None:
    """All deliveries are due at once, at receivers that respond at once."""
    async with (
        running_hosts() as hosts,
        running_delivery_service(
            machine.stack, machine.new_directory(), redis_number=next(machine.redis_numbers)
        ) as service,
    ):
        worker = await service.add_worker()
        urls = [hosts.url(hosts.host(number % HOSTS)) for number in range(AT_ONCE)]
        worker.send(signal.SIGSTOP)
        await service.send(*urls)
        worker.send(signal.SIGCONT)
        begin, cpu = time.monotonic(), cpu_seconds(worker.pid)
        await hosts.wait_for_total([hosts.host(number) for number in range(HOSTS)], AT_ONCE)
        seconds = time.monotonic() - begin
        cpu = cpu_seconds(worker.pid) - cpu
    machine.report.measured(f"{AT_ONCE} at once, {HOSTS} hosts", "deliveries/s", AT_ONCE / seconds)
    machine.report.measured(f"{AT_ONCE} at once, {HOSTS} hosts", "CPU s per 1,000", 1000 * cpu / AT_ONCE)


async def measure(machine: Machine) -> None:
    """Measure the rate, and the effect of one dead host."""
    await measure_rate(machine)
    found: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * ROUNDS):
        with_dead_host = bool(number % 2)
        p95 = await run(machine, with_dead_host=with_dead_host)
        found[with_dead_host].append(p95 * 1000)
    without = machine.report.measured("to the first attempt, no dead host", "ms, p95", *found[False])
    dead = machine.report.measured("to the first attempt, 1 dead host of 100", "ms, p95", *found[True])
    machine.report.compared(dead, without, at_most(LIMIT))
