"""`autos deliveries`, as operators type it."""

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from service.local.stack import Stack
from tests.support.commands import assert_refused, run_autos
from tests.support.deliveries.deliveries import NUMBER, Sender, add_user, row, schedule, update
from tests.support.deliveries.delivery_service import running_delivery_service
from tests.support.processes import free_port
from tests.support.servers.subscriber import Subscriber


async def run(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return await run_autos(environment, "deliveries", *arguments)


async def failed(sender: Sender, subscriber: Subscriber) -> tuple[UUID, str]:
    """A delivery that failed at once, and its path."""
    path = f"/{uuid4()}"
    subscriber.answer(path, 410)
    user_id, _key = await add_user(sender.database)
    (delivery_id,) = await sender.send(user_id, subscriber.url(path))
    await until(sender, delivery_id, "failed")
    return delivery_id, path


async def until(sender: Sender, delivery_id: UUID, status: str) -> None:
    async with asyncio.timeout(60):
        while (await row(sender.database, delivery_id))["status"] != status:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)


async def test_deliveries_are_listed_for_people_and_for_programs(
    environment: dict[str, str], sender: Sender, subscriber: Subscriber
) -> None:
    delivery_id, _path = await failed(sender, subscriber)

    # All deliveries that other tests may have left.
    table = await run(environment, "list", "--status", "failed", "--limit", "1000")
    listed = await run(environment, "list", "--status", "failed", "--limit", "1000", "--json")
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    nothing = await run(environment, "list", "--since", later, "--json")

    (line,) = [line for line in table.stdout.splitlines() if str(delivery_id) in line]
    assert NUMBER.masked in line
    assert "The host answered 410." in line
    (found,) = [each for each in msgspec.json.decode(listed.stdout) if each["id"] == str(delivery_id)]
    assert [each["status_code"] for each in found["attempts"]] == [410]
    assert (found["process_number"], found["status"]) == (NUMBER.masked, "failed")
    assert msgspec.json.decode(nothing.stdout) == []


async def test_one_delivery_is_shown_with_its_attempts(
    environment: dict[str, str], sender: Sender, subscriber: Subscriber
) -> None:
    delivery_id, path = await failed(sender, subscriber)

    shown = await run(environment, "show", str(delivery_id))
    decoded: Any = msgspec.json.decode((await run(environment, "show", str(delivery_id), "--json")).stdout)

    assert subscriber.url(path) in shown.stdout
    assert "The host answered 410." in shown.stdout
    assert (decoded["id"], decoded["webhook_url"]) == (str(delivery_id), subscriber.url(path))
    assert len(decoded["attempts"]) == 1
    assert NUMBER.masked in shown.stdout


async def test_deliveries_to_an_endpoint_are_listed_and_not_sent_again_once_it_is_gone(
    environment: dict[str, str], sender: Sender
) -> None:
    endpoint_id = uuid4()  # of an endpoint that was deleted
    user_id, _key = await add_user(sender.database)
    mine, _other = await schedule(sender.database, user_id, "https://a.example/", "https://b.example/")
    gone = f"endpoint_id = '{endpoint_id}', endpoint_only = true, status = 'cancelled', completed_at = now(),"
    await update(sender.database, mine, f"{gone} next_attempt_at = NULL, ring_at = NULL")

    listed = await run(environment, "list", "--endpoint", str(endpoint_id), "--json")
    refused = await run(environment, "resend", str(mine))

    assert [each["id"] for each in msgspec.json.decode(listed.stdout)] == [str(mine)]
    assert_refused(refused, "its endpoint is switched off or was deleted")


async def test_one_delivery_is_sent_again(environment: dict[str, str], sender: Sender, subscriber: Subscriber) -> None:
    delivery_id, path = await failed(sender, subscriber)

    said = await run(environment, "resend", str(delivery_id))

    assert (said.returncode, said.stdout) == (0, "one more attempt is on its way\n")
    await subscriber.wait_for(path, 2)
    await until(sender, delivery_id, "delivered")


async def test_everything_that_has_failed_is_sent_again(stack: Stack, tmp_path: Path, subscriber: Subscriber) -> None:
    # Its own database: in the shared one other deliveries may fail at any time.
    async with running_delivery_service(stack, tmp_path, redis_number=12) as service:
        await service.add_worker()
        since = datetime.now(UTC).isoformat()
        deliveries = [await failed(service.sender, subscriber) for _ in range(3)]

        said = await run(service.environment, "recover", "--since", since)

        assert said.stdout.startswith("3 deliveries are on their way")
        for delivery_id, path in deliveries:
            await subscriber.wait_for(path, 2)
            await until(service.sender, delivery_id, "delivered")


async def test_deliveries_are_cancelled_one_by_one_or_all_of_a_receiver(
    environment: dict[str, str], sender: Sender
) -> None:
    user_id, _key = await add_user(sender.database)
    host = f"{uuid4()}.example.com"
    ids = await schedule(sender.database, user_id, *[f"https://{host}/"] * 3)
    for each in ids:
        await update(sender.database, each, "next_attempt_at = now() + interval '1 day', ring_at = now() + '1 day'")

    one = await run(environment, "cancel", str(ids[0]), str(ids[0]))
    again = await run(environment, "cancel", str(ids[0]), str(ids[1]))
    rest = await run(environment, "cancel", "--user", str(user_id), "--host", host, "--yes")

    assert (one.returncode, one.stdout) == (0, f"{ids[0]} is cancelled\n")
    assert (again.returncode, again.stdout) == (1, f"{ids[1]} is cancelled\n")
    assert str(ids[0]) in again.stderr
    assert (rest.returncode, rest.stdout) == (0, "1 deliveries are cancelled\n")
    assert {(await row(sender.database, each))["status"] for each in ids} == {"cancelled"}


@pytest.mark.long
async def test_without_redis_the_sweep_makes_the_attempt(
    environment: dict[str, str], sender: Sender, subscriber: Subscriber
) -> None:
    delivery_id, path = await failed(sender, subscriber)

    away = environment | {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    said = await run(away, "resend", str(delivery_id))

    assert said.returncode == 0
    assert "Redis does not answer" in said.stdout
    await subscriber.wait_for(path, 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", str(uuid4())), "there is no such delivery"),
        (("resend", str(uuid4())), "there is no such delivery"),
        (("cancel",), "Name deliveries, or choose them"),
        (("cancel", str(uuid4()), "--host", "example.com"), "Name deliveries, or choose them"),
        (("cancel", "--user", "nobody of this name", "--yes"), "there is no such user"),
        (("show", "1"), "not a valid UUID"),
        (("recover",), "Missing option '--since'"),
        (("recover", "--since", "yesterday"), "It must be a time"),
        (("list", "--status", "lost"), "not one of"),
    ],
)
async def test_what_is_wrong_is_said_in_a_line(
    environment: dict[str, str], sender: Sender, arguments: tuple[str, ...], sentence: str
) -> None:
    assert_refused(await run(environment, *arguments), sentence)
