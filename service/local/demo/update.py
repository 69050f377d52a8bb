"""The update as the demo shows it: the case is watched, something is filed, a webhook brings it."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import click
import msgspec

from service.local.demo.callbacks import follow, print_document, print_verified, verified
from service.local.demo.client import DemoClient, DemoFailed, Download, UpdateBody
from service.local.demo.receiver import ReceivedWebhook, Receiver
from service.local.services import Services
from service.local.simulator import PortalControl

T = TypeVar("T")

_POLL_SECONDS = 0.1
_LIMIT_SECONDS = 60.0  # for the first check, and from the second one to the webhook
_DOCUMENT = {"name": "Decisão de exemplo.pdf", "type": "Decisão", "size": 21_500}
_MOVEMENT = "Proferida decisão de exemplo"


@dataclass(frozen=True)
class Update:
    """What the update has shown."""

    webhook_type: str
    linked: Download
    seconds: float  #: from the filing to the webhook


@dataclass(frozen=True)
class Watcher:
    """Who watches the case, and what the demo runs for it."""

    client: DemoClient
    portal: PortalControl
    receiver: Receiver
    services: Services
    number: str


async def show_update(watcher: Watcher) -> Update:
    """Watch the case, file something, and print what a client sees. Raises `DemoFailed` or `LocalStackError`."""
    await _watch(watcher)
    started = time.monotonic()
    await _file(watcher)
    received = await _within_limit(watcher, _told(watcher))
    seconds = time.monotonic() - started
    update = await verified(watcher.client, received, watcher.services, UpdateBody)
    _print_update(received, update)
    if update.type != "process.updated" or not update.documents_added:
        raise DemoFailed(f"the webhook told nothing new; the log of the worker is {watcher.services.worker.log}")
    linked = await follow(watcher.client, update.documents_added[0], watcher.services)
    return Update(update.type, linked, seconds)


async def _watch(watcher: Watcher) -> None:
    """Watch the case, and wait for the check that is the baseline."""
    body = {"every": "1h", "webhook_url": watcher.receiver.url}
    click.echo(f"Watch     PUT /api/v1/processes/{watcher.number}/monitor {msgspec.json.encode(body).decode()}")
    await watcher.client.watch(watcher.number, body)
    await watcher.client.check(watcher.number)
    await _within_limit(watcher, _baseline(watcher))


async def _baseline(watcher: Watcher) -> None:
    while (await watcher.client.monitor(watcher.number)).last_checked_at is None:
        watcher.services.check()
        await asyncio.sleep(_POLL_SECONDS)


async def _file(watcher: Watcher) -> None:
    try:
        document = await watcher.portal.file_document(watcher.number, **_DOCUMENT)
        await watcher.portal.file_movement(watcher.number, description=_MOVEMENT)
    except (aiohttp.ClientError, ValueError) as error:
        raise DemoFailed(f"nothing can be filed at the simulated portal ({type(error).__name__})") from None
    click.echo(f"Filed     {document['name']}, {document['size']} bytes, and a movement, at the simulated portal")


async def _told(watcher: Watcher) -> ReceivedWebhook:
    """Have the case checked, and wait for the webhook."""
    click.echo(f"Check     POST /api/v1/processes/{watcher.number}/monitor/check")
    await watcher.client.check(watcher.number)
    waiting = asyncio.ensure_future(watcher.receiver.next())
    try:
        while not (await asyncio.wait({waiting}, timeout=_POLL_SECONDS))[0]:
            watcher.services.check()
        return waiting.result()
    finally:
        waiting.cancel()


async def _within_limit(watcher: Watcher, step: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            return await step
    except TimeoutError:
        log = watcher.services.worker.log
        raise DemoFailed(f"no update came within {_LIMIT_SECONDS:.0f} s; the log of the worker is {log}") from None


def _print_update(received: ReceivedWebhook, update: UpdateBody) -> None:
    click.echo(f"Webhook   webhook-id: {received.headers['webhook-id']}")
    counts = f"{len(update.documents_added)} document and {len(update.movements_added)} movement added"
    click.echo(f"          type: {update.type}, {counts}")
    for document in update.documents_added[:1]:
        print_document("documents_added[0]", document)
    for movement in update.movements_added[:1]:
        click.echo(f"          movements_added[0]: {movement.description}")
    print_verified()
