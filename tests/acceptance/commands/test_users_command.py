"""`autos users`, as operators type it."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest

from service.database.users import api_keys
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.commands import assert_refused, run_autos
from tests.support.http.api import Api

ME = "/api/v1/users/me"


async def run_json(environment: dict[str, str], *arguments: str) -> Any:
    said = await run_autos(environment, "users", *arguments, "--json")
    assert said.returncode == 0, said.stderr
    return msgspec.json.decode(said.stdout)


async def test_a_user_is_made_and_the_key_works_and_is_shown_once(environment: dict[str, str], api: Api) -> None:
    name = f"Escritório {uuid4()}"

    said = await run_autos(environment, "users", "create", name)
    table = await run_autos(environment, "users", "list", "--limit", "1000")

    (line,) = [line for line in said.stdout.splitlines() if "autos_" in line]
    api_key = line.split()[-1]
    assert "shown this once" in said.stdout
    assert (await api.with_key(api_key).get(ME)).json["name"] == name
    (row,) = [line for line in table.stdout.splitlines() if name in line]
    assert " user " in row
    listed = await run_json(environment, "list", "--limit", "1000")
    shown = await run_autos(environment, "users", "keys", "list", name)
    assert api_key not in table.stdout + str(listed) + shown.stdout
    assert api_key[-4:] in shown.stdout


async def test_the_first_administrator_may_be_made_by_hand_and_the_last_one_stays(
    environment: dict[str, str], stack: Stack
) -> None:
    own = environment | {"DATABASE_URL": await create_database(stack)}
    created = await run_json(own, "create", "first", "--role", "admin")
    (key,) = await run_json(own, "keys", "list", "first")

    assert created["role"] == "admin"
    refused = await run_autos(own, "users", "delete", "first", "--yes")
    assert (refused.returncode, refused.stderr) == (1, "Error: this is the last administrator who has a key\n")
    refused = await run_autos(own, "users", "keys", "revoke", key["id"])
    assert (refused.returncode, refused.stderr) == (1, "Error: this is the last key of the last administrator\n")


async def test_a_key_is_replaced_without_a_pause(environment: dict[str, str], api: Api) -> None:
    user = await run_json(environment, "create", f"user {uuid4()}")

    made = await run_json(environment, "keys", "create", user["id"])
    assert [(await api.with_key(each["api_key"]).get(ME)).status for each in (user, made)] == [200, 200]
    newest, oldest = await run_json(environment, "keys", "list", user["name"])
    revoked = await run_autos(environment, "users", "keys", "revoke", oldest["id"])

    assert (newest["id"], newest["hint"]) == (made["id"], made["api_key"][-4:])
    assert (revoked.returncode, revoked.stdout) == (0, "the key is revoked\n")
    assert [(await api.with_key(each["api_key"]).get(ME)).status for each in (user, made)] == [401, 200]


async def test_a_user_is_deleted_only_by_somebody_who_means_it(environment: dict[str, str], api: Api) -> None:
    user = await run_json(environment, "create", f"user {uuid4()}")

    hesitant = await run_autos(environment, "users", "delete", user["name"])
    assert (hesitant.returncode, (await api.with_key(user["api_key"]).get(ME)).status) == (1, 200)
    said = await run_autos(environment, "users", "delete", user["name"], "--yes")

    assert (said.returncode, said.stdout) == (0, "the user is deleted\n")
    assert (await api.with_key(user["api_key"]).get(ME)).status == 401


async def test_a_name_and_the_number_of_keys_have_their_bounds(environment: dict[str, str], api: Api) -> None:
    user = await run_json(environment, "create", f"user {uuid4()}")
    client = api.with_key(user["api_key"])
    for _ in range(api_keys.KEYS_MAX - 1):
        assert (await client.post(f"/api/v1/users/{user['id']}/keys")).status == 201

    assert_refused(await run_autos(environment, "users", "create", user["name"]), "another user has this name")
    assert_refused(await run_autos(environment, "users", "keys", "create", user["name"]), "20 keys at most")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create", ""), "It must be a name of 1 to 200 characters"),
        (("create", "two\nlines"), "It must be a name of 1 to 200 characters"),
        (("create", "somebody", "--role", "owner"), "not one of"),
        (("delete", "nobody", "--yes"), "there is no such user"),
        (("delete", "nobody"), "there is no such user"),
        (("delete", str(uuid4()), "--yes"), "there is no such user"),
        (("keys", "list", "nobody"), "there is no such user"),
        (("keys", "create", "nobody"), "there is no such user"),
        (("keys", "revoke", str(uuid4())), "there is no such key that lives"),
        (("keys", "revoke", "1"), "not a valid UUID"),
    ],
)
async def test_what_is_wrong_is_said_in_a_line(
    environment: dict[str, str], arguments: tuple[str, ...], sentence: str
) -> None:
    assert_refused(await run_autos(environment, "users", *arguments), sentence)
