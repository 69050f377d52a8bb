"""How much a user may watch, and what a monitor counts as."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest

from service.actions.monitors import MONITORS_MAX
from service.database.connection import Database
from service.local.simulator import DocumentSpec
from tests.support.deliveries.deliveries import add_user
from tests.support.deliveries.watchers import monitor_path
from tests.support.http.api import Api
from tests.support.portal import Portal

ONE = DocumentSpec(size=2000)
DAY = {"every": "1d"}
MANY = "/api/v1/monitors"
#: Without their cases, which only a list would miss.
_FILL = (
    "INSERT INTO monitors (id, process_number, user_id, every)"
    " SELECT gen_random_uuid(), 'of ' || :user_id || ' ' || place, CAST(:user_id AS uuid), interval '1 day'"
    " FROM generate_series(1, :count) AS place"
)


async def fill(database: Database, user_id: UUID, *, left: int) -> None:
    """Let a user watch so many cases that `left` more are allowed."""
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        query = _FILL.replace(":user_id || ' '", f"'{user_id} '")
        await connection.execute(query, {"user_id": user_id, "count": MONITORS_MAX - left})


@pytest.fixture
async def busy(api: Api, database: Database) -> AsyncIterator[Api]:
    """A client that may watch two more cases."""
    user_id, key = await add_user(database)
    await fill(database, user_id, left=2)
    yield api.with_key(key)
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM monitors WHERE process_number LIKE 'of %'")


@pytest.mark.long
async def test_a_user_watches_as_many_cases_as_are_allowed_and_no_more(
    busy: Api, portal: Portal, supply: Iterator[str]
) -> None:
    first, second, third, fourth = (next(supply) for _ in range(4))
    for number in (first, second, third, fourth):
        await portal.put_documents(number, ONE)

    one = await busy.put(monitor_path(first), DAY)
    many = await busy.post(MANY, {"process_numbers": [second, third, fourth, first], **DAY})
    # Which of the new ones came first is not said.
    left_out = next(item["process_number"] for item in many.json["items"] if item["problem"])
    refused = await busy.put(monitor_path(left_out), DAY)
    known = await busy.put(monitor_path(first), {"every": "2d"})

    assert one.status == 201
    codes = [(item["problem"] or {}).get("code") for item in many.json["items"]]
    assert sorted(codes[:3], key=str) == [None, "too_many_monitors", "too_many_monitors"]
    assert codes[3] is None
    assert (refused.status, refused.json["code"]) == (409, "too_many_monitors")
    assert (known.status, known.json["every_seconds"]) == (200, 172_800)
    await busy.delete(monitor_path(first))
    assert (await busy.put(monitor_path(left_out), DAY)).status == 201


async def test_only_what_asks_the_portal_counts_as_a_download(client: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, ONE)
    limits = (await client.get("/api/v1/users/me")).json["limits"]

    unknown = await client.put(monitor_path(number), DAY)
    known = await client.put(monitor_path(number), DAY)
    checked = await client.post(f"{monitor_path(number)}/check")

    shown = [int(answer.headers["RateLimit-Limit"]) for answer in (unknown, known, checked)]
    assert shown == [limits[name]["limit"] for name in ("downloads", "requests", "downloads")]
