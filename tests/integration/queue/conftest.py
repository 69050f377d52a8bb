"""The log lines of a test."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from structlog.typing import EventDict


class Told(list[EventDict]):
    """The log, and a way to wait for a line of it."""

    def __init__(self) -> None:
        super().__init__()
        self._longer = asyncio.Event()

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        """As a processor of structlog."""
        self.append(event)
        self._longer.set()
        raise structlog.DropEvent

    async def until(self, word: str) -> None:
        """Wait for a reason with this word."""
        async with asyncio.timeout(30):
            while not any(word in each.get("reason", "") for each in self):
                self._longer.clear()
                await self._longer.wait()


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    before = structlog.get_config()
    told = Told()
    structlog.configure(processors=[told])
    yield told
    structlog.configure(**before)
