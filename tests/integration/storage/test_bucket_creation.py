"""A missing bucket is created."""

import asyncio
from contextlib import AsyncExitStack

from service.startup.bucket import open_store
from service.storage.store_settings import StoreSettings


async def test_processes_that_find_the_bucket_missing_at_the_same_moment_all_start(s3: StoreSettings) -> None:
    async with AsyncExitStack() as opened:
        stores = await asyncio.gather(
            *(opened.enter_async_context(open_store(s3, create_bucket=True)) for _ in range(8))
        )
        for store in stores:
            await store.check()
