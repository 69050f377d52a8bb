"""A recovery of many deliveries during which a worker is killed."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta

from service.database.deliveries import deliveries
from tests.support.deliveries.delivery_service import DeliveryService
from tests.support.servers.many_hosts import ManyHosts

HOSTS = 100


async def recover_through_a_kill(service: DeliveryService, hosts: ManyHosts, count: int, *, timeout: float) -> int:
    """Recover `count` failed deliveries, kill the worker after a quarter of them, start another.

    Waits until all are delivered. Returns how many POSTs came: more than `count` if the kill fell between a POST and
    its record.
    """
    names = [hosts.host(number) for number in range(HOSTS)]
    await service.add_failed(*(hosts.url(names[each % HOSTS]) for each in range(count)))
    worker = await service.add_worker()
    async with service.sender.database.connection() as connection:
        since = datetime.now(UTC) - timedelta(hours=1)
        assert await deliveries.recover(connection, since=since, user_id=None) == count
    await hosts.wait_for_total(names, count // 4, timeout=timeout)
    worker.send(signal.SIGKILL)
    await worker.ended()
    assert await service.count("scheduled") > 0, "the worker was faster than its end"
    await service.pass_time()
    await service.add_worker()
    async with asyncio.timeout(timeout):
        while await service.count("delivered") < count:  # noqa: ASYNC110  (other processes)
            await asyncio.sleep(0.2)
    return sum(len(hosts.arrivals[name]) for name in names)
