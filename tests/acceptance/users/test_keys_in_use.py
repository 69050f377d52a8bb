"""Keys in use and callers: labels, the time of the last use, and the log lines of requests."""

import asyncio
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from service.database.connection import Database
from tests.support.commands import run_autos
from tests.support.deliveries.deliveries import add_user
from tests.support.http.api import Api

ME = "/api/v1/users/me"


async def keys_of(api: Api, user_id: object) -> list[Any]:
    return list((await api.get(f"/api/v1/users/{user_id}/keys")).json["items"])


async def line_of(log_directory: Path, request_id: str) -> Any:
    """The log line of a request, which is written after its response."""
    async with asyncio.timeout(60):
        line = re.compile(f".*{request_id}.*\n")
        while not (found := line.findall((log_directory / "api.log").read_text())):  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)
    return msgspec.json.decode(found[-1])


async def test_a_key_has_a_label_and_its_last_use(api: Api, environment: dict[str, str]) -> None:
    made = await api.post("/api/v1/users", {"name": f"user {uuid4()}", "key_label": "Sistema de casos"})
    path = f"/api/v1/users/{made.json['id']}/keys"
    second = await api.post(path, {"label": "the printer"})
    third = await api.post(path)
    client = api.with_key(second.json["api_key"])

    assert (second.json["label"], second.json["last_used_at"], third.json["label"]) == ("the printer", None, None)
    assert (await client.get(ME)).status == 200
    async with asyncio.timeout(60):
        while (await keys_of(api, made.json["id"]))[1]["last_used_at"] is None:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)
    listed = await keys_of(api, made.json["id"])
    assert [each["label"] for each in listed] == [None, "the printer", "Sistema de casos"]
    assert [each["last_used_at"] is None for each in listed] == [True, False, True]
    table = await run_autos(environment, "users", "keys", "list", made.json["id"])
    (row,) = [line for line in table.stdout.splitlines() if "the printer" in line]
    assert f"{listed[1]['last_used_at'][:10]} {listed[1]['last_used_at'][11:19]}" in row


async def test_a_label_is_given_on_the_command_line(environment: dict[str, str], api: Api) -> None:
    name = f"user {uuid4()}"

    await run_autos(environment, "users", "create", name, "--key-label", "first of all")
    said = await run_autos(environment, "users", "keys", "create", name, "--label", "caf\u00e9", "--json")
    shown = await run_autos(environment, "users", "keys", "list", name, "--json")

    assert msgspec.json.decode(said.stdout)["label"] == "caf\u00e9"
    assert [each["label"] for each in msgspec.json.decode(shown.stdout)] == ["caf\u00e9", "first of all"]
    refused = await run_autos(environment, "users", "keys", "create", name, "--label", "two\nlines")
    assert "It must be a label of 1 to 100 characters" in refused.stderr


async def test_a_label_that_nobody_could_read_is_refused(api: Api) -> None:
    user_id = (await api.get(ME)).json["id"]

    for label in ("", "x" * 101, "two\nlines", " ", 1):
        answer = await api.post(f"/api/v1/users/{user_id}/keys", {"label": label})

        assert (answer.status, answer.json["errors"][0]["field"]) == (400, "label")


async def test_a_line_of_a_request_names_the_key_and_the_address_but_not_a_key_that_nobody_has(
    api: Api, database: Database, log_directory: Path
) -> None:
    _user_id, api_key = await add_user(database)
    headers = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9"}

    # The proxy, which is this machine, is trusted; the headers of its client are not.
    known = await api.with_key(api_key).get(ME, headers=headers)
    guessed = await api.with_key(f"autos_{uuid4().hex}").get(ME, headers=headers)
    direct = await api.with_key(api_key).get(ME)

    told = [await line_of(log_directory, answer.headers["X-Request-ID"]) for answer in (known, guessed, direct)]
    assert [each["status"] for each in told] == [200, 401, 200]
    assert [each["address"] for each in told] == ["203.0.113.9", "203.0.113.9", "127.0.0.1"]
    assert [each.get("key_hint") for each in told] == [api_key[-4:], None, api_key[-4:]]
