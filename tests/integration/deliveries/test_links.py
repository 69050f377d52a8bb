"""Every attempt has valid links, however late it is made."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import aiohttp
import pytest

from service.database.connection import Database
from service.local.stack import Stack
from service.storage.object_store import ObjectStore, open_object_store
from service.storage.store_settings import StoreSettings
from tests.support.deliveries.deliveries import (
    add_event,
    attempt,
    event_document,
    make_due,
    row,
    schedule,
    task_context,
)
from tests.support.servers.subscriber import Subscriber

CONTENT = b"%PDF-1.7 the bytes of a document"
LINK_TTL = 3600  # seconds


class LongAgo:
    """Signs links that have expired."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def link_expiry(self) -> datetime:
        """As `ObjectStore.link_expiry`."""
        return datetime.now(UTC) - timedelta(seconds=LINK_TTL)

    async def link(self, key: str, name: str, mime_type: str) -> str:
        """As `ObjectStore.link`."""
        moment = datetime.now(UTC) - timedelta(seconds=2 * LINK_TTL)
        return await self._store.link(key, name, mime_type, moment=moment)


@pytest.fixture(scope="module")
async def store(stack: Stack) -> AsyncIterator[ObjectStore]:
    """A bucket of these tests."""
    there = stack.endpoints
    settings = StoreSettings(
        bucket=f"test-{uuid4().hex[:12]}",
        endpoint_url=there.s3_endpoint_url,
        public_endpoint_url=None,
        region="us-east-1",
        access_key_id=there.s3_access_key_id,
        secret_access_key=there.s3_secret_access_key,
        link_ttl=LINK_TTL,
    )
    async with open_object_store(settings) as opened:
        await opened.create_bucket()
        yield opened


async def test_attempts_far_apart_carry_links_of_their_own_and_differ_in_nothing_else(
    database: Database, user_id: UUID, store: ObjectStore, subscriber: Subscriber, session: aiohttp.ClientSession
) -> None:
    key, path = f"documents/{uuid4()}.pdf", f"/{uuid4()}"
    await store.put(key, [CONTENT], "application/pdf")
    event_id = await add_event(database, event_document(key), event_document(key))
    (delivery_id,) = await schedule(database, user_id, subscriber.url(path), event_id=event_id)
    earlier = task_context(database, store=cast(ObjectStore, LongAgo(store)), delays=(3600,))
    subscriber.answer(path, 500)

    await attempt(earlier, delivery_id)
    await make_due(database, delivery_id)
    await attempt(task_context(database, store=store, delays=(3600,)), delivery_id)

    first, second = subscriber.received(path)
    for link in links(first.json):
        status, _body = await fetched(session, link)
        assert status in {400, 403}
    for link in links(second.json):
        assert await fetched(session, link) == (200, CONTENT)
    assert without_links(first.body, first.json) == without_links(second.body, second.json)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (await row(database, delivery_id))["status"] == "delivered"


def links(body: Any) -> list[str]:
    return [each["download_url"] for each in body["documents"]]


def without_links(body: bytes, decoded: Any) -> bytes:
    """The body without the links and their expiry, so that order and spelling can be compared."""
    text = body.decode()
    for each in decoded["documents"]:
        text = text.replace(each["download_url"], "").replace(each["download_url_expires_at"], "")
    return text.encode()


async def fetched(session: aiohttp.ClientSession, link: str) -> tuple[int, bytes]:
    async with session.get(link) as response:
        return response.status, await response.read()
