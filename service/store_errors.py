"""Errors of the object store, as one type."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


class StorageError(Exception):
    """The object store failed for longer than its client retries. Temporary, and not the document's fault."""


@asynccontextmanager
async def storage_errors(timeout: float) -> AsyncIterator[None]:
    """Raise `StorageError` for whatever fails in the block, or takes longer than `timeout` seconds."""
    try:
        async with asyncio.timeout(timeout):
            yield
    except (BotoCoreError, ClientError, ResponseParserError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StorageError(f"the object store failed: {type(error).__name__}") from error
