"""Signing secrets, and their rotation for receivers that verify with the official library."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from service.database.connection import Database
from tests.support.deliveries.deliveries import Sender, add_user
from tests.support.http.api import Api
from tests.support.servers.subscriber import Received, Subscriber

PATH = "/api/v1/webhooks/secret"


@pytest.fixture
async def client(api: Api, database: Database) -> tuple[Api, UUID]:
    """A client whose secret no other test rotates."""
    user_id, api_key = await add_user(database)
    return Api(api.session, api.base_url, api_key), user_id


def is_verified(received: Received, secret: str) -> bool:
    headers = {name.lower(): value for name, value in received.headers.items()}
    try:
        Webhook(secret).verify(received.body, headers)
    except WebhookVerificationError:
        return False
    return True


async def received(sender: Sender, subscriber: Subscriber, user_id: UUID) -> Received:
    """The next webhook of a client."""
    path = f"/{uuid4()}"
    await sender.send(user_id, subscriber.url(path))
    return (await subscriber.wait_for(path))[0]


async def secret_of(api: Api) -> Any:
    return (await api.get(PATH)).json


async def test_the_old_secret_signs_beside_the_new_one_during_a_rotation(
    client: tuple[Api, UUID], sender: Sender, subscriber: Subscriber
) -> None:
    api, user_id = client
    old = (await secret_of(api))["secret"]

    rotated = await api.post(f"{PATH}/rotate")

    new = rotated.json["secret"]
    assert (rotated.status, rotated.headers["Cache-Control"]) == (200, "no-store")
    assert rotated.json["previous_secrets"] == [old]
    expires_at = datetime.fromisoformat(rotated.json["previous_secrets_expire_at"])
    assert timedelta(hours=23) < expires_at - datetime.now(UTC) <= timedelta(hours=24)
    assert await secret_of(api) == rotated.json
    webhook = await received(sender, subscriber, user_id)
    assert len(webhook.headers["webhook-signature"].split()) == 2
    assert is_verified(webhook, new)
    assert is_verified(webhook, old)


async def test_a_second_rotation_in_the_time_of_grace_leaves_nobody_out(
    client: tuple[Api, UUID], sender: Sender, subscriber: Subscriber
) -> None:
    api, user_id = client
    first = (await secret_of(api))["secret"]
    second, third = [(await api.post(f"{PATH}/rotate")).json["secret"] for _ in range(2)]

    webhook = await received(sender, subscriber, user_id)

    assert len({first, second, third}) == 3
    for secret in (first, second, third):
        assert is_verified(webhook, secret)


async def test_the_old_secret_signs_no_longer_when_its_time_is_over(
    client: tuple[Api, UUID], database: Database, sender: Sender, subscriber: Subscriber
) -> None:
    api, user_id = client
    old = (await secret_of(api))["secret"]
    new = (await api.post(f"{PATH}/rotate")).json["secret"]
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE signing_secrets SET expires_at = now() WHERE user_id = :id AND expires_at IS NOT NULL",
            {"id": user_id},
        )

    webhook = await received(sender, subscriber, user_id)

    assert (is_verified(webhook, old), is_verified(webhook, new)) == (False, True)
    assert await secret_of(api) == {"secret": new, "previous_secrets": [], "previous_secrets_expire_at": None}


async def test_rotations_at_once_all_succeed(client: tuple[Api, UUID]) -> None:
    api, _user_id = client

    answers = await asyncio.gather(*(api.post(f"{PATH}/rotate") for _ in range(4)))

    assert {answer.status for answer in answers} == {200}
    assert (await secret_of(api))["secret"] in {answer.json["secret"] for answer in answers}


async def test_a_rotation_changes_the_secret_of_its_client_only(client: tuple[Api, UUID], other_client: Api) -> None:
    api, _user_id = client
    before = await secret_of(other_client)

    await api.post(f"{PATH}/rotate")

    assert await secret_of(other_client) == before


async def test_no_secret_is_ever_logged(
    client: tuple[Api, UUID], sender: Sender, subscriber: Subscriber, log_directory: Path
) -> None:
    api, user_id = client
    secrets = [(await secret_of(api))["secret"], (await api.post(f"{PATH}/rotate")).json["secret"]]
    await received(sender, subscriber, user_id)

    logs = "".join(log.read_text() for log in log_directory.iterdir())  # noqa: ASYNC240  (small, and nobody waits)

    assert "webhook_attempted" in logs
    for secret in secrets:
        assert secret not in logs
        assert secret.removeprefix("whsec_") not in logs
    assert "v1," not in logs
