"""Users and keys over the API: permissions, what is shown, and how they end."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from service.database.connection import Database
from service.database.users import api_keys
from service.domain.api_keys import key_hash
from tests.support.http.api import Answer, Api
from tests.support.processes import free_port, start_api

PATH = "/api/v1/users"
USER = {"id", "name", "role", "created_at"}
KEY = {"id", "hint", "label", "created_at", "last_used_at"}


@pytest.fixture(scope="module")
async def second_process(api: Api, environment: dict[str, str], log_directory: Path) -> AsyncIterator[Api]:
    """The administrator at another API process of the same service."""
    port = str(free_port())
    process = await start_api(environment | {"PORT": port}, log_directory / "second-api.log")
    yield Api(api.session, f"http://127.0.0.1:{port}", api.api_key)
    await process.stop()


async def create(api: Api, **changes: Any) -> Any:
    """A new user with the first key."""
    answer = await api.post(PATH, {"name": f"user {uuid4()}", **changes})
    assert answer.status == 201, answer
    return answer.json


@pytest.fixture
async def user(api: Api) -> Any:
    """A user for one test."""
    return await create(api)


@pytest.fixture
def client(api: Api, user: Any) -> Api:
    """A client of that user."""
    return api.with_key(user["api_key"])


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


async def everything_in(database: Database) -> str:
    """Every row of every table, bytes in hexadecimal digits."""
    async with database.connection() as connection:
        names = await connection.fetch_all("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows: list[str] = []
        for name in names:
            query = f'SELECT CAST(row_to_json(rows) AS text) AS row FROM "{name["tablename"]}" AS rows'  # noqa: S608  (the catalogue's own names)
            rows += [each["row"] for each in await connection.fetch_all(query)]
    return "\n".join(rows)


async def test_the_caller_is_told_name_role_and_limits(client: Api, user: Any, api: Api) -> None:
    answer = await client.get(f"{PATH}/me")

    assert (answer.status, answer.json) == (
        200,
        {
            "id": user["id"],
            "name": user["name"],
            "role": "user",
            "limits": {
                "requests": {"limit": int(answer.headers["RateLimit-Limit"]), "seconds": 60},
                "downloads": answer.json["limits"]["downloads"],
                "numbers": answer.json["limits"]["numbers"],
                "keys": api_keys.KEYS_MAX,
            },
        },
    )
    assert answer.json["limits"]["downloads"]["limit"] > 0
    assert (await api.get(f"{PATH}/me")).json["role"] == "admin"


async def test_a_new_user_is_listed_without_the_key_and_may_use_the_service(api: Api, user: Any, client: Api) -> None:
    assert set(user) == USER | {"api_key"}
    assert user["api_key"].startswith("autos_")
    assert user["created_at"].endswith("Z")
    listed = await api.get(PATH, limit=200)

    assert {name: user[name] for name in USER} in listed.json["items"]
    assert user["api_key"] not in str(listed.json)
    assert (await client.get("/api/v1/webhooks/secret")).json["secret"].startswith("whsec_")


async def test_an_administrator_may_make_another(api: Api) -> None:
    other = await create(api, role="admin")

    assert (await api.with_key(other["api_key"]).get(PATH)).status == 200


async def test_users_come_in_pages_that_are_stable_while_users_are_added(api: Api) -> None:
    made = [(await create(api))["id"] for _ in range(5)]
    pages = [(await api.get(PATH, limit=2)).json]
    while len(pages) < 3:
        await create(api)
        pages.append((await api.get(PATH, limit=2, cursor=pages[-1]["next_cursor"])).json)

    assert [each["id"] for page in pages for each in page["items"]][:5] == made[::-1]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_body"),
        ({"name": ""}, "invalid_body"),
        ({"name": " "}, "invalid_body"),
        ({"name": "a\n"}, "invalid_body"),
        ({"name": "a\u0000b"}, "invalid_body"),
        ({"name": "a" * 201}, "invalid_body"),
        ({"name": 1}, "invalid_body"),
        ({"name": "a", "role": "owner"}, "invalid_body"),
        (b'{"name": "\xff"}', "invalid_json"),
        (b'{"name": "\\ud800"}', "invalid_json"),
    ],
)
async def test_a_malformed_user_is_refused(api: Api, body: Any, code: str) -> None:
    answer = await api.post(PATH, body)

    assert refusal(answer) == (400, code)


async def test_a_name_belongs_to_one_user_until_that_one_is_deleted(api: Api, user: Any) -> None:
    assert refusal(await api.post(PATH, {"name": user["name"]})) == (409, "user_exists")

    assert (await api.delete(f"{PATH}/{user['id']}")).status == 204

    assert (await create(api, name=user["name"]))["id"] != user["id"]


async def test_a_deleted_user_is_let_in_by_no_process(api: Api, second_process: Api, user: Any, client: Api) -> None:
    elsewhere = second_process.with_key(client.api_key)
    assert [(await each.get(f"{PATH}/me")).status for each in (client, elsewhere)] == [200, 200]

    deleted = await api.delete(f"{PATH}/{user['id']}")

    assert (deleted.status, deleted.json) == (204, b"")
    for each in (elsewhere, client):
        answer = await each.get(f"{PATH}/me")
        assert refusal(answer) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert user["id"] not in str((await api.get(PATH, limit=200)).json)
    assert refusal(await api.delete(f"{PATH}/{user['id']}")) == (404, "user_not_found")
    assert refusal(await api.get(f"{PATH}/{user['id']}/keys")) == (404, "user_not_found")
    assert refusal(await api.post(f"{PATH}/{user['id']}/keys")) == (404, "user_not_found")


async def test_an_old_key_and_a_new_one_work_at_once_until_the_old_one_is_revoked(
    second_process: Api, user: Any, client: Api
) -> None:
    made = await client.post(f"{PATH}/{user['id']}/keys")
    assert (made.status, set(made.json)) == (201, KEY | {"api_key"})
    renewed = client.with_key(made.json["api_key"])
    elsewhere = second_process.with_key(client.api_key)
    assert [(await each.get(f"{PATH}/me")).json["id"] for each in (client, renewed, elsewhere)] == [user["id"]] * 3
    newest, oldest = (await renewed.get(f"{PATH}/{user['id']}/keys")).json["items"]

    revoked = await renewed.delete(f"{PATH}/{user['id']}/keys/{oldest['id']}")

    assert (revoked.status, revoked.json) == (204, b"")
    assert [(await each.get(f"{PATH}/me")).status for each in (elsewhere, client, renewed)] == [401, 401, 200]
    assert (await renewed.get(f"{PATH}/{user['id']}/keys")).json["items"] == [newest]
    assert refusal(await renewed.delete(f"{PATH}/{user['id']}/keys/{oldest['id']}")) == (404, "key_not_found")


async def test_a_key_is_shown_once_and_is_neither_in_the_database_nor_in_a_log(
    api: Api, user: Any, client: Api, database: Database, log_directory: Path
) -> None:
    made = (await client.post(f"{PATH}/{user['id']}/keys")).json
    listed = (await client.get(f"{PATH}/{user['id']}/keys")).json
    shown = await api.get(f"{PATH}/{user['id']}/keys")

    assert [each["hint"] for each in listed["items"]] == [each[-4:] for each in (made["api_key"], user["api_key"])]
    assert [set(each) for each in listed["items"]] == [KEY, KEY]
    assert shown.json == listed
    stored = await everything_in(database)
    logs = "".join(log.read_text() for log in log_directory.iterdir())  # noqa: ASYNC240  (small, and nobody waits)
    for api_key in (made["api_key"], user["api_key"]):
        assert key_hash(api_key).hex() in stored
        secret = api_key.removeprefix("autos_")
        assert secret[:-4] not in stored + logs + str(listed)
        assert secret.encode().hex()[:-8] not in stored


async def test_keys_come_in_pages_and_there_are_so_many_at_most(user: Any, client: Api) -> None:
    path = f"{PATH}/{user['id']}/keys"
    for _ in range(api_keys.KEYS_MAX - 1):
        assert (await client.post(path)).status == 201
    assert refusal(await client.post(path)) == (409, "too_many_keys")

    first = (await client.get(path, limit=15)).json
    rest = (await client.get(path, limit=15, cursor=first["next_cursor"])).json

    assert rest["next_cursor"] is None
    assert len({each["id"] for each in first["items"] + rest["items"]}) == api_keys.KEYS_MAX


async def test_a_user_manages_nobody_and_learns_nothing_of_others(api: Api, client: Api, user: Any) -> None:
    other = await create(api)
    (key,) = (await api.get(f"{PATH}/{other['id']}/keys")).json["items"]
    answers = [
        await client.get(PATH),
        await client.post(PATH, {"name": "mine"}),
        await client.post(PATH, {}),
        await client.delete(f"{PATH}/{user['id']}"),
    ]
    for user_id in (other["id"], str(uuid4()), "none"):
        answers += [
            await client.delete(f"{PATH}/{user_id}"),
            await client.get(f"{PATH}/{user_id}/keys"),
            await client.post(f"{PATH}/{user_id}/keys"),
            await client.delete(f"{PATH}/{user_id}/keys/{key['id']}"),
        ]

    refused = [each for each in answers if refusal(each) == (403, "forbidden")]
    # Only callers who may send a body learn that it is wrong.
    assert refused == answers
    assert (await api.with_key(other["api_key"]).get(f"{PATH}/me")).status == 200
    key_path = f"{PATH}/{user['id']}/keys/{key['id']}"
    assert refusal(await client.delete(key_path)) == (404, "key_not_found")


async def test_without_a_key_nothing_is_said(api: Api, user: Any) -> None:
    stranger = api.with_key(None)

    for answer in (
        await stranger.get(f"{PATH}/me"),
        await stranger.get(PATH),
        await stranger.post(PATH, {"name": "mine"}),
        await stranger.delete(f"{PATH}/{user['id']}"),
        await stranger.get(f"{PATH}/{user['id']}/keys"),
        await stranger.post(f"{PATH}/{user['id']}/keys"),
        await stranger.delete(f"{PATH}/{user['id']}/keys/{uuid4()}"),
    ):
        assert refusal(answer) == (401, "unauthorized")


async def test_an_administrator_manages_the_keys_of_everybody(api: Api, user: Any, client: Api) -> None:
    path = f"{PATH}/{user['id']}/keys"
    (old,) = (await api.get(path)).json["items"]

    made = (await api.post(path)).json
    assert (await api.delete(f"{path}/{old['id']}")).status == 204

    assert (await client.get(f"{PATH}/me")).status == 401
    assert (await api.with_key(made["api_key"]).get(f"{PATH}/me")).json["id"] == user["id"]
    for user_id in (str(uuid4()), "none"):
        assert refusal(await api.get(f"{PATH}/{user_id}/keys")) == (404, "user_not_found")
        assert refusal(await api.post(f"{PATH}/{user_id}/keys")) == (404, "user_not_found")
        assert refusal(await api.delete(f"{PATH}/{user_id}")) == (404, "user_not_found")
    assert refusal(await api.delete(f"{path}/none")) == (404, "key_not_found")
