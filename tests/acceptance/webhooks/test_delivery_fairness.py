"""A slow or dead subscriber delays only itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.domain.deliveries import HOST_CONCURRENCY, HOST_FAILURES
from service.local.stack import Stack
from tests.support.deliveries.delivery_service import DeliveryService, running_delivery_service
from tests.support.servers.many_hosts import ManyHosts, running_hosts
from worker.queues import RETRIES_AT_ONCE


@pytest.fixture
async def deliveries(stack: Stack, tmp_path: Path) -> AsyncIterator[DeliveryService]:
    async with running_delivery_service(stack, tmp_path, redis_number=3) as running:
        yield running


@pytest.fixture
async def hosts() -> AsyncIterator[ManyHosts]:
    async with running_hosts() as running:
        yield running


async def test_a_dead_host_with_many_deliveries_does_not_hold_up_the_others(
    deliveries: DeliveryService, hosts: ManyHosts
) -> None:
    dead, *healthy = [hosts.host(number) for number in range(81)]
    hosts.hang(dead)
    await deliveries.send(*[hosts.url(dead)] * 100, *map(hosts.url, healthy))

    await deliveries.add_worker()
    await deliveries.add_worker()
    await hosts.wait_for(healthy)
    await hosts.wait_for([dead], HOST_CONCURRENCY)
    hosts.go_on(dead)
    await hosts.wait_for([dead], 100)

    assert max(hosts.arrivals[dead]) == HOST_CONCURRENCY
    assert [len(hosts.arrivals[host]) for host in healthy] == [1] * 80


async def test_a_host_that_keeps_failing_is_called_by_one_at_a_time_until_it_recovers(
    deliveries: DeliveryService, hosts: ManyHosts
) -> None:
    failing = hosts.host(0)
    hosts.hang(failing)
    hosts.fail(failing, after=0.02)
    await deliveries.send(*[hosts.url(failing)] * 20)

    await deliveries.add_worker()
    await deliveries.add_worker()
    await hosts.wait_for([failing], HOST_CONCURRENCY)
    hosts.go_on(failing)
    await hosts.wait_for([failing], 40)

    # At the time of the counted failure, other attempts may be in progress.
    let_in = HOST_FAILURES - 1 + HOST_CONCURRENCY
    assert set(hosts.arrivals[failing][let_in:40]) == {1}
    assert max(hosts.arrivals[failing]) == HOST_CONCURRENCY
    hosts.recover(failing)
    await hosts.wait_for([failing], 40 + 20)


async def test_first_attempts_do_not_wait_behind_late_ones(deliveries: DeliveryService, hosts: ManyHosts) -> None:
    hanging = [hosts.host(number) for number in range(150)]
    healthy = [hosts.host(number) for number in range(150, 170)]
    hosts.hang(*hanging)
    await deliveries.send_late(*map(hosts.url, hanging))
    await deliveries.add_worker()
    await hosts.wait_for_total(hanging, RETRIES_AT_ONCE)

    await deliveries.send(*map(hosts.url, healthy))

    await hosts.wait_for(healthy)
    assert sum(len(hosts.arrivals[host]) for host in hanging) == RETRIES_AT_ONCE
