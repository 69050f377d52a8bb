"""The limit of monitors, and users who are deleted, while requests come at the same time."""

import asyncio
from datetime import timedelta
from typing import cast
from uuid import UUID

import pytest

from service.actions import monitors
from service.actions.monitors import TooManyMonitors, UserGone, WatchRequest
from service.actions.state import ActionState
from service.database.connection import Database
from service.database.monitors.monitors import PutMonitor
from service.database.users import users
from service.domain.monitoring.monitors import MonitorWish
from service.domain.process_number import ProcessNumber
from tests.support.database.case_steps import CaseSteps
from tests.support.database.locks import holding, until_somebody_waits
from tests.support.database.many_cases import number_of
from tests.support.deliveries.deliveries import add_user

ROOM = 3  # monitors that one user may have
CASES = 10


@pytest.fixture
async def cases(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[ProcessNumber]:
    """More listed cases than one user may watch."""
    monkeypatch.setattr(monitors, "MONITORS_MAX", ROOM)
    numbers = [number_of(place) for place in range(1, CASES + 1)]
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO processes (number, listed_at, listing_asked)"
            " SELECT number, now(), nextval('listings_asked') FROM unnest(CAST(:numbers AS text[])) AS number"
            " ON CONFLICT DO NOTHING",
            {"numbers": [number.digits for number in numbers]},
        )
    return numbers


async def watch(database: Database, number: ProcessNumber, user_id: UUID, *, near: bool = True) -> PutMonitor:
    """Have an action watch a listed case: it uses the database only."""
    wish = MonitorWish(number, user_id, timedelta(days=1))
    request = WatchRequest(wish, "r", is_listed=True, is_near_limit=near)
    return await monitors.watch(cast(ActionState, {"database": database}), request)


async def test_requests_at_the_same_time_do_not_exceed_the_limit(
    database: Database, cases: list[ProcessNumber]
) -> None:
    user_id, _ = await add_user(database)

    outcomes = await asyncio.gather(*(watch(database, each, user_id) for each in cases), return_exceptions=True)

    made = [each for each in outcomes if isinstance(each, PutMonitor)]
    refused = [each for each in outcomes if isinstance(each, TooManyMonitors)]
    assert (len(made), len(refused)) == (ROOM, CASES - ROOM)
    again = await watch(database, ProcessNumber(made[0].monitor.process_number), user_id)
    assert not again.is_new


async def test_the_limit_is_one_for_each_user(database: Database, cases: list[ProcessNumber]) -> None:
    first, second = [(await add_user(database))[0] for _ in range(2)]
    for each in cases[:ROOM]:
        await watch(database, each, first)

    assert (await watch(database, cases[ROOM], second)).is_new
    with pytest.raises(TooManyMonitors):
        await watch(database, cases[ROOM], first)
    await monitors.end(database, cases[0], first)
    assert (await watch(database, cases[ROOM], first)).is_new


@pytest.mark.parametrize("near", [False, True])
async def test_no_monitor_is_made_for_a_user_who_is_deleted_meanwhile(
    database: Database, cases: list[ProcessNumber], *, near: bool
) -> None:
    user_id, _ = await add_user(database)
    steps = CaseSteps(database, cases[0], user_id)
    async with holding(steps, lambda connection: users.delete(connection, user_id)):
        watching = asyncio.create_task(watch(database, cases[0], user_id, near=near))
        await until_somebody_waits(steps)

    with pytest.raises(UserGone):
        await watching
    async with database.connection() as connection:
        assert await connection.fetch_all("SELECT 1 FROM monitors WHERE user_id = :id", {"id": user_id}) == []
