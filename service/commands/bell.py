"""How the commands enqueue messages for the workers."""

import asyncio
from collections.abc import Awaitable, Callable

from service.commands.console import read_settings
from service.queue.task_queue import Bell, redis_pool
from service.startup.process_logs import configure_process_logs


def ring(tell: Callable[[Bell], Awaitable[bool]]) -> str:
    """Enqueue with `tell`, after the commit. Return what to add to the command's output if Redis does not answer."""
    settings = read_settings()
    configure_process_logs(settings)

    async def told() -> bool:
        redis = redis_pool(settings.redis_url)
        try:
            return await tell(Bell(redis))
        finally:
            await redis.aclose(close_connection_pool=True)

    return "" if asyncio.run(told()) else "; Redis does not answer, so it takes until the workers' next sweep"
