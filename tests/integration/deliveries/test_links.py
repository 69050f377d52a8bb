"""Every attempt carries links that work, however late it is made."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from service.database.connection import Database
from service.local.stack import Stack
from service.object_store import ObjectStore, StoreSettings, open_object_store
from tests.support.deliveries import (
    add_event,
    attempt,
    event_document,
    make_due,
    row,
    schedule,
    task_context,
)
from tests.support.subscriber import Subscriber

CONTENT = b"%PDF-1.7 the bytes of a document"
LINK_TTL = 2  # seconds


@pytest.fixture(scope="module")
async def store(stack: Stack) -> AsyncIterator[ObjectStore]:
    """A bucket whose links expire while a test can wait for it."""
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


async def test_two_attempts_far_apart_both_carry_links_that_work_and_differ_in_nothing_else(
    database: Database, user_id: UUID, store: ObjectStore, subscriber: Subscriber, session: aiohttp.ClientSession
) -> None:
    key, path = f"documents/{uuid4()}.pdf", f"/{uuid4()}"
    await store.put(key, [CONTENT], "application/pdf")
    event_id = await add_event(database, event_document(key), event_document(key))
    (delivery_id,) = await schedule(database, user_id, subscriber.url(path), event_id=event_id)
    context = task_context(database, store=store, delays=(3600,))
    subscriber.answer(path, 500)

    await attempt(context, delivery_id)
    (first,) = subscriber.received(path)
    for link in links(first.json):
        assert await fetched(session, link) == (200, CONTENT)
    await until_expired(session, links(first.json))
    await make_due(database, delivery_id)
    await attempt(context, delivery_id)

    _, second = subscriber.received(path)
    for link in links(second.json):
        assert await fetched(session, link) == (200, CONTENT)
    assert without_links(first.body, first.json) == without_links(second.body, second.json)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (await row(database, delivery_id))["status"] == "delivered"


def links(body: Any) -> list[str]:
    return [each["download_url"] for each in body["documents"]]


def without_links(body: bytes, decoded: Any) -> bytes:
    """The body as it was sent, with nothing cut out but what changes: so the order and the spelling are compared."""
    text = body.decode()
    for each in decoded["documents"]:
        text = text.replace(each["download_url"], "").replace(each["download_url_expires_at"], "")
    return text.encode()


async def fetched(session: aiohttp.ClientSession, link: str) -> tuple[int, bytes]:
    async with session.get(link) as response:
        return response.status, await response.read()


async def until_expired(session: aiohttp.ClientSession, expiring: Sequence[str]) -> None:
    async with asyncio.timeout(30):
        for link in expiring:
            while (await fetched(session, link))[0] == 200:  # noqa: ASYNC110  (another process's clock)
                await asyncio.sleep(0.2)
