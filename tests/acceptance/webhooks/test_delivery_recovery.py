"""All failed deliveries are sent again, even if workers are killed meanwhile."""

from pathlib import Path

import pytest

from service.local.stack import Stack
from tests.support.database.recovery import recover_through_a_kill
from tests.support.deliveries.delivery_service import running_delivery_service
from tests.support.servers.many_hosts import running_hosts

DELIVERIES = 1000
FIRST_ATTEMPTS_AT_ONCE = 100


@pytest.mark.long
async def test_a_recovery_survives_a_worker_that_is_killed_in_the_middle(stack: Stack, tmp_path: Path) -> None:
    async with running_hosts() as hosts, running_delivery_service(stack, tmp_path, redis_number=4) as service:
        posts = await recover_through_a_kill(service, hosts, DELIVERIES, timeout=60)

        assert await service.count("delivered") == DELIVERIES
        assert DELIVERIES <= posts <= DELIVERIES + FIRST_ATTEMPTS_AT_ONCE
