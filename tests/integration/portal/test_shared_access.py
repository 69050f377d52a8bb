"""What processes share about the portal besides tokens: whether it accepts them, and its pauses."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from unittest.mock import AsyncMock

import pytest

from service.database.connection import Database
from service.database.portal import portal_state
from service.domain.process_number import ProcessNumber
from service.local.simulator import create_portal, make_case, running_portal
from service.local.stack import Stack
from service.portal.errors import Busy
from service.portal_access.sharing import ConfiguredToken, SharedPauses
from tests.conftest import create_database
from tests.support.deliveries.deliveries import open_pool
from tests.support.portal_client import open_portal_client
from tests.support.servers.tcp_proxy import running_tcp_proxy


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A database for these tests, because its pauses stop all requests."""
    async with open_pool(await create_database(stack)) as pool:
        yield pool


async def refused_since(database: Database, credential: str) -> bool:
    async with database.connection() as connection:
        return await portal_state.refused_since(connection, credential) is not None


async def test_a_pause_of_one_process_is_heard_of_by_the_others(database: Database) -> None:
    await SharedPauses(database).tell(60.0)

    assert 55 < await SharedPauses(database).left() <= 60


async def test_a_pause_is_read_once_for_many_who_ask(database: Database) -> None:
    pauses = SharedPauses(database)
    assert await pauses.left() == 0
    await SharedPauses(database).tell(60.0)

    assert await pauses.left() == 0  # read a moment ago


async def test_nobody_lists_during_a_pause_of_another_process(database: Database) -> None:
    number = ProcessNumber.parse("7654321-71.2021.8.19.0001")
    app = create_portal("token", [make_case(number.masked, 1)])
    await SharedPauses(database).tell(60.0)
    async with (
        running_portal(app) as origin,
        open_portal_client(f"{origin}/api/v2", "token", pause_left=SharedPauses(database).left) as opened,
    ):
        with pytest.raises(Busy) as error:
            await opened.client.list_process(number, timeout=5)

    assert app.state.portal.journal.total == 0
    assert 55 < (error.value.retry_after or 0) <= 60


async def test_a_listing_that_waits_for_its_slot_hears_of_a_pause_that_begins_elsewhere() -> None:
    number = ProcessNumber.parse("7654321-71.2021.8.19.0001")
    app = create_portal("token", [make_case(number.masked, 1)])
    left = [0.0, 60.0]
    async with (
        running_portal(app) as origin,
        open_portal_client(f"{origin}/api/v2", "token", places=1, pause_left=AsyncMock(side_effect=left)) as opened,
    ):
        async with opened.gate.admitted():
            listing = asyncio.ensure_future(opened.client.list_process(number, timeout=60))
            while not opened.gate.waiting:  # noqa: ASYNC110  (nothing tells)
                await asyncio.sleep(0)
        while not opened.gate.pause_left:  # noqa: ASYNC110  (nothing tells)
            await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert (opened.gate.waiting, opened.gate.in_flight, app.state.portal.journal.total) == (1, 0, 0)
        listing.cancel()
        await asyncio.wait([listing])


async def test_a_database_that_is_away_pauses_nobody(stack: Stack) -> None:
    async with running_tcp_proxy(await create_database(stack)) as (wire, proxied), open_pool(proxied) as behind:
        wire.take_away()
        pauses = SharedPauses(behind)
        await pauses.tell(60.0)

        assert await pauses.left() == 0


async def test_any_process_that_sees_the_token_accepted_clears_the_refusal(database: Database) -> None:
    token = secrets.token_hex(8)
    one, other = ConfiguredToken(database, token), ConfiguredToken(database, token)
    await one.refused(token)
    assert await refused_since(database, token)

    await other.accepted(token)

    assert not await refused_since(database, token)


async def test_a_refusal_is_noted_although_its_request_is_cancelled(database: Database) -> None:
    token = secrets.token_hex(8)
    # As for a document: the next request that finds the token refused ends all requests of the job.
    refusing = asyncio.create_task(ConfiguredToken(database, token).refused(token))
    await asyncio.sleep(0)

    refusing.cancel()
    await asyncio.wait([refusing])

    async with asyncio.timeout(10):
        while not await refused_since(database, token):  # noqa: ASYNC110  (the task sends no event)
            await asyncio.sleep(0.01)


async def test_what_is_not_the_portals_judgement_needs_no_database(database_url: str) -> None:
    async with running_tcp_proxy(database_url) as (wire, proxied), open_pool(proxied) as behind:
        source = ConfiguredToken(behind, "token")
        wire.take_away()
        await source.refused("token")
        await source.accepted("token")

        assert await source.current() == "token"
