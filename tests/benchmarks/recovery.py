"""`python -m tests.benchmarks.recovery`: recover ten thousand failed deliveries, and kill a worker meanwhile.

Exits with an error if one of them is not delivered.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from service.local.stack import Stack, running_stack
from tests.support.database.recovery import recover_through_a_kill
from tests.support.deliveries.delivery_service import running_delivery_service
from tests.support.servers.many_hosts import running_hosts

DELIVERIES = 10_000
TIMEOUT = 900.0  # seconds for each half


async def measure(stack: Stack, logs: Path) -> None:
    """Recover, kill, recover, and print the time."""
    async with (
        running_hosts() as hosts,
        running_delivery_service(stack, logs, redis_number=1) as service,
    ):
        start = time.monotonic()
        posts = await recover_through_a_kill(service, hosts, DELIVERIES, timeout=TIMEOUT)
        seconds = time.monotonic() - start
        delivered = await service.count("delivered")
    print(f"{delivered} of {DELIVERIES} delivered in {seconds:.0f} s with {posts} requests")  # noqa: T201  (a command's output)


def main() -> int:
    """The exit code."""
    with tempfile.TemporaryDirectory() as directory, running_stack(Path(directory) / "stack") as stack:
        asyncio.run(measure(stack, Path(directory)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
