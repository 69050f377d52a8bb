"""Operators get alerts of failed deliveries, through targets of the notification library."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from service.domain.environment.startup import StartupError
from service.local.stack import Stack
from tests.support.deliveries.delivery_service import DeliveryService, running_delivery_service
from tests.support.processes import free_port
from tests.support.servers.mailbox import Mailbox, running_mailbox
from tests.support.servers.subscriber import Subscriber
from worker.loops.alerts import Alerts


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with running_mailbox() as running:
        yield running


@asynccontextmanager
async def service_with_alerts(stack: Stack, logs: Path, *urls: str) -> AsyncIterator[DeliveryService]:
    changes = {"ALERT_URLS": ",".join(urls), "WEBHOOK_RETRY_DELAYS": "0"}
    async with running_delivery_service(stack, logs, redis_number=5, **changes) as running:
        await running.add_worker()
        yield running


async def test_a_delivery_that_is_given_up_is_told_without_what_its_owner_keeps_secret(
    stack: Stack, tmp_path: Path, mailbox: Mailbox, subscriber: Subscriber
) -> None:
    path = f"/{uuid4()}"
    subscriber.answer(path, 500, 500)
    async with service_with_alerts(stack, tmp_path, mailbox.url) as service:
        (delivery_id,) = await service.send(f"{subscriber.url(path)}?token=hidden-token")
        await mailbox.wait_for(1)
        logs = service.workers[0].said

    (message,) = mailbox.messages
    assert "1 webhook delivery has failed" in message["title"]
    assert str(delivery_id) in message["message"]
    assert subscriber.base_url.removeprefix("http://") in message["message"]
    assert "The host answered 500." in message["message"]
    for secret in (path, "hidden-token"):
        assert secret not in str(message)
    for secret in ("hidden-token", "target-password"):
        assert secret not in logs


@pytest.mark.parametrize("refuses", [True, False], ids=["one that refuses", "one that is not there"])
async def test_a_target_that_fails_is_logged_and_keeps_nobody_else_from_being_told(
    stack: Stack, tmp_path: Path, mailbox: Mailbox, subscriber: Subscriber, refuses: bool
) -> None:
    path, other = f"/{uuid4()}", f"/{uuid4()}"
    subscriber.answer(path, 410)
    broken = Mailbox()
    broken.port = free_port()
    mailbox.refuses = refuses
    targets = [mailbox.url] if refuses else [broken.url, mailbox.url]
    async with service_with_alerts(stack, tmp_path, *targets) as service:
        await service.send(subscriber.url(path))
        await mailbox.wait_for(1)
        await service.send(subscriber.url(other))
        await subscriber.wait_for(other)
        async with asyncio.timeout(60):
            while not service.workers[0].has_said("alert_not_sent"):  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.05)
        logs = service.workers[0].said

    assert "target-password" not in logs
    assert "Traceback" not in logs


# The library searches all its plugins for the scheme.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_a_url_of_no_known_target_is_refused_without_being_repeated() -> None:
    with pytest.raises(StartupError, match=r"^ALERT_URLS is malformed: URL number 2 ") as caught:
        Alerts(["json://127.0.0.1/", "nothing://secret-value"])

    assert "secret-value" not in str(caught.value)


def test_without_targets_there_is_nobody_to_tell() -> None:
    assert not Alerts(())
