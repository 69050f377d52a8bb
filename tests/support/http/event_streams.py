"""Reads Server-Sent Events as a client does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from tests.support.http.api import ENDED, Api


@dataclass(frozen=True)
class Event:
    """One event, or the comment that keeps the stream alive, which has no data."""

    name: str
    data: Any
    fields: dict[str, str]  #: all of its lines


class EventReader:
    """An open stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> Event | None:
        """The next event; None if the stream ended in order."""
        fields: dict[str, str] = {}
        while line := await self.response.content.readline():
            if line == b"\r\n":
                break
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            assert name not in fields, "an event of several lines of one kind"
            fields[name] = value
        return _event(fields) if fields else None

    async def until(self, *names: str) -> list[Event]:
        """The events up to the first of this name."""
        events: list[Event] = []
        while not events or events[-1].name not in names:
            event = await self.next()
            assert event is not None, events
            events.append(event)
        return events

    async def rest(self) -> list[Event]:
        """All events until the stream ends in order."""
        events: list[Event] = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events


def _event(fields: dict[str, str]) -> Event:
    if "event" not in fields:
        return Event("comment", None, fields)
    return Event(fields["event"], msgspec.json.decode(fields["data"]), fields)


@asynccontextmanager
async def following(api: Api, number: str) -> AsyncIterator[EventReader]:
    """Open the event stream of a case."""
    timeout = aiohttp.ClientTimeout(total=100)
    async with api.session.get(
        f"{api.base_url}/api/v1/processes/{number}/events",
        headers={"Authorization": f"Bearer {api.api_key}"},
        timeout=timeout,
        read_bufsize=2**22,
    ) as response:
        assert response.status == 200, await response.text()
        yield EventReader(response)


def expect_one_orderly_stream(events: list[Event]) -> None:
    """A snapshot, then documents and progress that never goes backwards, then one end."""
    names = [event.name for event in events]
    assert names[0] == "snapshot"
    assert set(names[1:-1]) <= {"document", "progress"}
    assert names[-1] in ENDED
    assert events[-1].data["status"] == names[-1]
    percentages = [each.data["progress_percentage"] for each in events if each.name != "document"]
    assert percentages == sorted(percentages)


def told(events: list[Event]) -> dict[str, Any]:
    """The documents of a case as these events describe them, by id."""
    known = {document["id"]: document for document in events[0].data["documents"]}
    for event in events:
        if event.name == "document":
            known[event.data["id"]] = event.data
    return known
