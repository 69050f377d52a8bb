"""Users who watch cases, and what they were told."""

import asyncio
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tests.support.http.api import Api
from tests.support.servers.subscriber import Received, Subscriber

UPDATED = "process.updated"


def monitor_path(number: str) -> str:
    """The monitor of a case."""
    return f"/api/v1/processes/{number}/monitor"


@dataclass(frozen=True)
class Watcher:
    """A user with a URL of his own."""

    api: Api
    subscriber: Subscriber
    path: str

    async def watch(self, number: str, *, every: str = "1d") -> None:
        """Watch a case with the own URL."""
        body = {"every": every, "webhook_url": self.subscriber.url(self.path)}
        made = await self.api.put(monitor_path(number), body)
        assert made.status in {200, 201}, made

    async def baseline(self, number: str) -> None:
        """Wait until what the case has is the baseline: what is filed from now on is new."""
        await self._checked(number, None)

    async def check(self, number: str) -> None:
        """Have a case checked, and wait for it."""
        before = (await self.api.get(monitor_path(number))).json["last_checked_at"]
        assert (await self.api.post(f"{monitor_path(number)}/check")).status == 202
        await self._checked(number, before)

    async def _checked(self, number: str, before: str | None) -> None:
        async with asyncio.timeout(60):
            while (await self.api.get(monitor_path(number))).json["last_checked_at"] == before:  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.05)

    @property
    def received(self) -> list[Received]:
        """All POSTs so far, in their order."""
        return self.subscriber.received(self.path)

    def told(self) -> dict[str, Any]:
        """The last body of each `process.updated`, by its `webhook-id`."""
        return {each.headers["webhook-id"]: each.json for each in self.received if each.json["type"] == UPDATED}

    def documents(self) -> dict[str, set[str]]:
        """The ids of the events that named a document, by its SHA-256."""
        found: dict[str, set[str]] = defaultdict(set)
        for webhook_id, body in self.told().items():
            for document in body["documents_added"]:
                found[document["sha256"]].add(webhook_id)
        return found

    def movements(self) -> dict[str, set[str]]:
        """The ids of the events that named a movement, by its description."""
        found: dict[str, set[str]] = defaultdict(set)
        for webhook_id, body in self.told().items():
            for movement in body["movements_added"]:
                found[movement["description"]].add(webhook_id)
        return found

    async def expect_links(self) -> int:
        """Every link that came last downloads the bytes with the SHA-256 beside it. Returns how many there were."""
        links = {
            document["download_url"]: document["sha256"]
            for body in self.told().values()
            for document in body["documents_added"]
        }
        for url, sha256 in links.items():
            content, _ = await self.api.download(url)
            assert hashlib.sha256(content).hexdigest() == sha256
        return len(links)
