"""`docs/webhooks.md` is true, and its snippets verify the service's webhooks."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import click
import msgspec
import pytest

from service.api.framework.operations import OperationRoute
from service.api.routes import ROUTES
from service.cli import main
from service.database.deliveries.endpoint_health import ENDPOINT_BURST, LEAST_FAILURES, PATIENCE, PAUSE
from service.database.deliveries.endpoint_list import ENDPOINTS_MAX
from service.domain.deliveries import HOST_CONCURRENCY, HOST_FAILURES, HOST_TOTAL, EndpointEvent
from service.settings import Settings
from service.webhooks.signature import signature_headers
from tests.support.http.api import Api
from tests.support.processes import REPOSITORY, free_port, until_it_listens
from tests.support.servers.node import needs_node

PAGE = (REPOSITORY / "docs" / "webhooks.md").read_text()
EVENT = b'{"type":"process.completed","process_number":"0000123-06.2023.4.03.6100","name":"Peti\xc3\xa7\xc3\xa3o"}'
DEFAULTS: dict[str, Any] = {each.name: each.default for each in msgspec.structs.fields(Settings)}


def snippet(language: str) -> str:
    """The only block of a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@asynccontextmanager
async def running_receiver(
    command: list[str], directory: Path, secret: str, *, port: int | None = None
) -> AsyncIterator[tuple[str, list[str]]]:
    """A snippet as a process: its URL, and its output lines."""
    port = port or free_port()
    environment = {"PATH": os.environ["PATH"], "SECRET": secret, "PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    lines: list[str] = []
    try:
        await until_it_listens(port)
        yield f"http://127.0.0.1:{port}/", lines
    finally:
        process.terminate()
        written, _ = await process.communicate()
        lines += written.decode().splitlines()


async def verify_with(client: Api, session: aiohttp.ClientSession, command: list[str], directory: Path) -> None:
    """Send a receiver webhooks of the service, before and during a rotation, and one with another signature."""
    secret = (await client.get("/api/v1/webhooks/secret")).json["secret"]
    async with running_receiver(command, directory, secret) as (url, lines):
        body = {"webhook_url": url, "test_payload": {"process_number": "Número ✓"}}
        sent = await client.post("/api/v1/webhooks/webhook-send-test", body)
        await client.post("/api/v1/webhooks/secret/rotate")
        rotating = await client.post("/api/v1/webhooks/webhook-send-test", body)
        now = datetime.now(UTC)
        genuine = signature_headers(f"msg_{uuid4().hex}", now, EVENT, [secret], 1)
        answers = [
            await post(session, url, EVENT, genuine),
            await post(session, url, EVENT, genuine),
            await post(session, url, EVENT.replace(b"completed", b"cancelled"), genuine),
            await post(session, url, EVENT, genuine | {"webhook-signature": "v1,!"}),
            await post(session, url, EVENT, signature_headers("msg_1", now - timedelta(minutes=6), EVENT, [secret], 1)),
        ]

    assert [sent.json["status_code"], rotating.json["status_code"]] == [204, 204]
    assert answers == [204, 204, 401, 401, 401]
    event = msgspec.json.decode(EVENT)
    assert lines == ["webhook.test Número ✓"] * 2 + [f"{event['type']} {event['process_number']}"]


async def post(session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]) -> int:
    async with session.post(url, data=body, headers=headers) as response:
        return response.status


async def test_the_receiver_in_python_takes_what_is_genuine_once_and_nothing_else(
    client: Api, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    (tmp_path / "receiver.py").write_text(snippet("python"))

    await verify_with(client, session, [sys.executable, "receiver.py"], tmp_path)


@needs_node
async def test_the_receiver_in_javascript_takes_what_is_genuine_once_and_nothing_else(
    client: Api, session: aiohttp.ClientSession, node_directory: Path
) -> None:
    (node_directory / "receiver.js").write_text(snippet("javascript"))

    await verify_with(client, session, ["node", "receiver.js"], node_directory)


async def test_an_endpoint_is_made_as_the_page_says_and_its_secret_is_for_the_receiver(
    client: Api, tmp_path: Path
) -> None:
    (tmp_path / "receiver.py").write_text(snippet("python"))
    port = free_port()
    command = snippet("sh").replace("http://127.0.0.1:8000", client.base_url).replace(":9000", f":{port}")
    environment = {"PATH": os.environ["PATH"], "KEY": client.api_key or ""}
    shell = await asyncio.create_subprocess_exec("sh", "-euc", command, env=environment, stdout=asyncio.subprocess.PIPE)
    said, _ = await shell.communicate()
    made = msgspec.json.decode(said)
    receiver = [sys.executable, "receiver.py"]

    async with running_receiver(receiver, tmp_path, made["secret"], port=port) as (_url, lines):
        tested = await client.post(f"/api/v1/webhooks/endpoints/{made['id']}/test")

    assert tested.json["status_code"] == 204, tested
    assert [line.split()[0] for line in lines] == ["webhook.test"]


def test_the_rules_of_endpoints_are_those_of_the_code() -> None:
    types = re.findall(r"`([a-z]+\.[a-z]+)`", PAGE[PAGE.index("`events` lists types") :].partition("\n\n")[0])

    assert {*types, "*"} == set(EndpointEvent)
    assert f"A user has {ENDPOINTS_MAX} endpoints at most" in PAGE
    assert (PATIENCE.days, LEAST_FAILURES, ENDPOINT_BURST.total_seconds() / 3600, PAUSE.days) == (5, 5, 12, 2)


def in_a_shell(directory: Path, secret: str, body: bytes, headers: dict[str, str]) -> str:
    """The result of the shell snippet for a request."""
    (directory / "body.json").write_bytes(body)
    variables = {
        "PATH": os.environ["PATH"],
        "SECRET": secret,
        "ID": headers["webhook-id"],
        "TIMESTAMP": headers["webhook-timestamp"],
        "SIGNATURE": headers["webhook-signature"],
    }
    command = ["bash", "-euc", snippet("bash")]
    said = subprocess.run(command, cwd=directory, env=variables, capture_output=True, text=True, check=True)
    return said.stdout.strip()


@pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl here")
async def test_the_snippet_for_a_shell_tells_genuine_from_forged(client: Api, tmp_path: Path) -> None:
    old = (await client.get("/api/v1/webhooks/secret")).json["secret"]
    new = (await client.post("/api/v1/webhooks/secret/rotate")).json["secret"]
    now = datetime.now(UTC)
    headers = signature_headers("msg_1", now, EVENT, [new, old], 1)

    assert in_a_shell(tmp_path, old, EVENT, headers) == "valid"
    assert in_a_shell(tmp_path, new, EVENT, headers) == "valid"
    assert in_a_shell(tmp_path, old, EVENT + b" ", headers) == "forged"
    assert in_a_shell(tmp_path, old, EVENT, headers | {"webhook-id": "msg_2"}) == "forged"
    late = signature_headers("msg_1", now - timedelta(minutes=6), EVENT, [old], 1)
    assert in_a_shell(tmp_path, old, EVENT, late) == "too old"


def test_the_schedule_is_that_of_the_settings() -> None:
    delays = DEFAULTS["webhook_retry_delays"]
    rows = re.findall(r"^\| (\d+) \| (\d+) (s|min|h) \| (.*?) \|$", PAGE, re.MULTILINE)
    units = {"s": 1, "min": 60, "h": 3600}

    assert [int(number) for number, *_ in rows] == list(range(2, len(delays) + 2))
    assert tuple(int(pause) * units[unit] for _, pause, unit, _ in rows) == delays
    for position, (*_, since) in enumerate(rows, 1):
        told = sum(int(amount) * units[unit] for amount, unit in re.findall(r"(\d+) (s|min|h)", since))
        assert 0 <= sum(delays[:position]) - told < 60


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"At most {HOST_CONCURRENCY} of your requests" in PAGE
    assert f"up to {HOST_TOTAL} in all" in PAGE
    assert re.search(rf"after\s+{HOST_FAILURES} failures", PAGE)
    assert f"Above {DEFAULTS['webhook_max_documents']} documents" in PAGE
    assert f"there are {DEFAULTS['webhook_timeout']} seconds" in PAGE
    assert f"for {DEFAULTS['webhook_secret_grace'] // 3600} hours" in PAGE


def test_every_command_and_endpoint_exists() -> None:
    paths = {route.path.replace("{delivery_id}", "{id}") for route in ROUTES if isinstance(route, OperationRoute)}
    named = set(re.findall(r"`(?:GET|POST) (/api/v1/[^`?]+)", PAGE))
    group = main.get_command(click.Context(main), "deliveries")

    assert len(named) >= 8
    assert named <= paths
    assert isinstance(group, click.Group)
    for command in ("list", "show", "resend", "recover"):
        assert command in group.commands
