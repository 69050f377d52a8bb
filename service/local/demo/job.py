"""The main job as the demo shows it: a request with a webhook, its progress, its callback, one link, an update."""

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import click
from rich.console import Console

from service.local.demo.callbacks import follow, print_document, print_verified, verified
from service.local.demo.client import (
    FINISHED_STATUSES,
    CaseStatus,
    DemoClient,
    DemoFailed,
    Download,
    WebhookBody,
)
from service.local.demo.progress import progress_display
from service.local.demo.receiver import ReceivedWebhook, Receiver, running_receiver
from service.local.demo.update import Update, Watcher, show_update
from service.local.endpoints import Endpoints
from service.local.services import Services
from service.local.simulator import PortalControl
from service.local.simulator.cases.samples import FEDERAL

DEMO_CASE = FEDERAL

_POLL_SECONDS = 0.15
_LIMIT_SECONDS = 120.0  # from the request to the webhook
_PORTAL = {"latency_listing_ms": 150, "latency_binary_ms": 250, "bytes_per_second": 2_000_000}
"""Slow enough for progress to be seen; the real portal is slower."""


@dataclass(frozen=True)
class Result:
    """What the demo has shown."""

    documents: int
    size: int  #: bytes of all documents
    webhook_type: str
    linked: Download
    seconds: float  #: from the request to the webhook
    update: Update


@dataclass(frozen=True)
class _Callback:
    """The webhook, and the status of the case when the work ended."""

    status: CaseStatus
    received: ReceivedWebhook
    seconds: float


async def show_main_job(services: Services, endpoints: Endpoints, api_key: str) -> Result:
    """Request the sample case and print what a client sees. Raises `DemoFailed` or `LocalStackError`."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        running_receiver() as receiver,
    ):
        portal = _portal_control(session, endpoints)
        await _slow_down(portal)
        client = DemoClient(session, services.url, api_key, services.api.log)
        callback = await _called_back(client, services, receiver)
        webhook = await verified(client, callback.received, services, WebhookBody)
        _print_webhook(callback.received, webhook)
        _require_completion(webhook, services)
        linked = await follow(client, webhook.documents[0], services)
        update = await show_update(Watcher(client, portal, receiver, services, DEMO_CASE))
    documents = callback.status.documents
    size = sum(document.size or 0 for document in documents)
    return Result(len(documents), size, webhook.type, linked, callback.seconds, update)


def _portal_control(session: aiohttp.ClientSession, endpoints: Endpoints) -> PortalControl:
    parts = urlsplit(endpoints.portal_url or "")
    return PortalControl(session, f"{parts.scheme}://{parts.netloc}")


async def _slow_down(portal: PortalControl) -> None:
    try:
        await portal.configure(**_PORTAL)
    except (aiohttp.ClientError, ValueError) as error:
        raise DemoFailed(f"the simulated portal cannot be configured ({type(error).__name__})") from None


async def _called_back(client: DemoClient, services: Services, receiver: Receiver) -> _Callback:
    """Request the case, then watch until the webhook has arrived."""
    started = time.monotonic()
    click.echo(f"Request   GET /api/v1/processes/{DEMO_CASE}?webhook_url={receiver.url}")
    answer = await client.ask_for(DEMO_CASE, receiver.url)
    click.echo(f"Answer    {answer.total_documents} documents, status {answer.status}, job {answer.job_id}")
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            status = await _watch(client, services)
            received = await receiver.next()
    except TimeoutError:
        log = services.worker.log
        raise DemoFailed(f"no webhook came within {_LIMIT_SECONDS:.0f} s; the log of the worker is {log}") from None
    return _Callback(status, received, time.monotonic() - started)


async def _watch(client: DemoClient, services: Services) -> CaseStatus:
    with progress_display(Console()) as display:
        while True:
            services.check()
            status = await client.status(DEMO_CASE)
            display.show(status)
            if status.status in FINISHED_STATUSES:
                return status
            await asyncio.sleep(_POLL_SECONDS)


def _print_webhook(received: ReceivedWebhook, webhook: WebhookBody) -> None:
    counts = f"{webhook.completed_documents} of {webhook.total_documents} documents, {webhook.failed_documents} failed"
    click.echo(f"Webhook   webhook-id: {received.headers['webhook-id']}")
    click.echo(f"          type: {webhook.type}, status: {webhook.status}, {counts}")
    for document in webhook.documents[:1]:
        print_document("documents[0]", document)
    print_verified()


def _require_completion(webhook: WebhookBody, services: Services) -> None:
    if webhook.status != "completed" or not webhook.documents:
        raise DemoFailed(f"the case ended as {webhook.status}; the log of the worker is {services.worker.log}")
