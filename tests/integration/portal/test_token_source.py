"""The source of renewed tokens on a real database: no caller ends a renewal, and no new token is lost."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import pytest

from service.database.connection import Database
from service.database.portal import portal_state, portal_tokens
from service.portal.errors import TokenUnavailable, Unauthorized
from service.portal_access import token_renewal
from service.portal_access.token_renewal import RenewedToken
from tests.support.deliveries.deliveries import open_pool
from tests.support.servers.keycloak import Keycloak
from tests.support.servers.tcp_proxy import TcpProxy, running_tcp_proxy


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_pool(database_url) as pool:
        yield pool


@pytest.fixture
def keycloak() -> Keycloak:
    # A row for each test, in the database of the run.
    return Keycloak(given=[f"r-{secrets.token_hex(6)}"])


@asynccontextmanager
async def source_of(database: Database, keycloak: Keycloak) -> AsyncIterator[RenewedToken]:
    """The token source of one process."""
    source = RenewedToken(database, refresh_token=keycloak.given[0], renew=keycloak.renew)
    try:
        yield source
    finally:
        await source.close()


async def kept(database: Database, keycloak: Keycloak) -> str | None:
    """The refresh token in the database."""
    origin = portal_state.fingerprint(keycloak.given[0])
    async with database.connection() as connection:
        token: str | None = await connection.fetch_val(
            "SELECT refresh_token FROM portal_tokens WHERE origin = :origin", {"origin": origin}
        )
    return token


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110  (PostgreSQL sends no event)
            await asyncio.sleep(0.05)


async def refused_since(database: Database, credential: str) -> bool:
    async with database.connection() as connection:
        return await portal_state.refused_since(connection, credential) is not None


async def test_a_caller_whose_time_is_up_ends_no_renewal(database: Database, keycloak: Keycloak) -> None:
    keycloak.may_answer.clear()
    async with source_of(database, keycloak) as source:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await source.current()
        assert keycloak.has_rotated.is_set()
        keycloak.may_answer.set()

        assert await source.current() == "a1"
        await until(lambda: is_kept(database, keycloak))

    assert len(keycloak.asked_with) == 1


async def is_kept(database: Database, keycloak: Keycloak) -> bool:
    return await kept(database, keycloak) == keycloak.given[-1]


async def test_a_process_that_ends_waits_for_what_comes(database: Database, keycloak: Keycloak) -> None:
    keycloak.may_answer.clear()
    async with source_of(database, keycloak) as source:
        caller = asyncio.create_task(source.current())
        await keycloak.has_rotated.wait()
        caller.cancel()
        with suppress(asyncio.CancelledError):
            await caller
        asyncio.get_running_loop().call_later(0.2, keycloak.may_answer.set)

    assert await is_kept(database, keycloak)


async def test_what_came_is_written_when_the_database_is_back(database_url: str, keycloak: Keycloak) -> None:
    keycloak.may_answer.clear()
    async with (
        running_tcp_proxy(database_url) as (wire, proxied),
        open_pool(proxied) as behind,
        source_of(behind, keycloak) as source,
    ):
        caller = asyncio.create_task(source.current())
        await keycloak.has_rotated.wait()
        wire.take_away()
        keycloak.may_answer.set()
        await until(lambda: has_tried(wire))
        # The token is used before it is written.
        assert await source.current() == "a1"
        wire.bring_back()

        await until(lambda: is_kept(behind, keycloak))
        assert await caller == "a1"


async def has_tried(wire: TcpProxy) -> bool:
    return wire.refused > 0


async def test_the_old_token_goes_on_while_the_endpoint_is_down(database: Database, keycloak: Keycloak) -> None:
    keycloak.expires_in = 30.0
    async with source_of(database, keycloak) as source:
        first = await source.current()
        await age(database, keycloak, by=25)
        keycloak.is_down = True
    async with source_of(database, keycloak) as restarted:
        assert [await restarted.current() for _ in range(5)] == [first] * 5

    assert len(keycloak.asked_with) > 1  # it was tried in the background


async def age(database: Database, keycloak: Keycloak, *, by: float) -> None:
    """Make the stored token older by so many seconds."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE portal_tokens SET expires_at = expires_at - CAST(:by AS interval),"
            " renewed_at = renewed_at - CAST(:by AS interval) WHERE origin = :origin",
            {"by": timedelta(seconds=by), "origin": portal_state.fingerprint(keycloak.given[0])},
        )


async def test_an_endpoint_that_is_down_is_no_dead_token(database: Database, keycloak: Keycloak) -> None:
    keycloak.is_down = True
    async with source_of(database, keycloak) as source:
        for _ in range(20):
            with pytest.raises(TokenUnavailable):
                await source.current()
        asked = len(keycloak.asked_with)
        keycloak.is_down = False

        async def is_back() -> bool:
            with suppress(TokenUnavailable):
                return await source.current() == "a1"
            return False

        await until(is_back)

    assert asked <= 3  # not once for each caller
    assert not await refused_since(database, keycloak.given[0])


@pytest.mark.parametrize("life", [5.0, 30.0, 60.0])
async def test_a_token_of_a_short_life_is_used_while_it_lives(
    database: Database, keycloak: Keycloak, life: float
) -> None:
    keycloak.expires_in = life
    async with source_of(database, keycloak) as source:
        assert {await source.current() for _ in range(500)} == {"a1"}

    assert len(keycloak.asked_with) == 1


async def test_an_idle_process_renews_in_time(database: Database, keycloak: Keycloak) -> None:
    keycloak.expires_in = 4.0  # due after three seconds
    async with source_of(database, keycloak) as source:
        await source.current()
        await until(lambda: has_asked(keycloak, 2))
        await until(lambda: is_kept(database, keycloak))

        assert await source.current() in {"a2", "a3"}


async def has_asked(keycloak: Keycloak, times: int) -> bool:
    return len(keycloak.asked_with) >= times


async def test_many_processes_renew_once(database: Database, keycloak: Keycloak) -> None:
    async with source_of(database, keycloak) as one, source_of(database, keycloak) as other:
        tokens = await asyncio.gather(*(source.current() for source in (one, other) for _ in range(10)))
        assert set(tokens) == {"a1"}

        await asyncio.gather(one.refused("a1"), other.refused("a1"))
        assert {await one.current(), await other.current()} == {"a2"}

    assert len(keycloak.asked_with) == 2


async def test_a_process_that_was_killed_holds_nobody_up_for_long(
    database: Database, keycloak: Keycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_renewal, "RENEWAL_LEASE", timedelta(seconds=0.5))
    monkeypatch.setattr(token_renewal, "TAKEOVER_DELAY", 0.2)
    keycloak.rotation = "lenient"
    await leave(database, keycloak, answered=True)

    async with source_of(database, keycloak) as source:
        assert await source.current() == "a2"
        await until(lambda: is_kept(database, keycloak))


async def leave(database: Database, keycloak: Keycloak, *, answered: bool) -> None:
    """Leave the rows of a process that was killed during a renewal."""
    async with database.connection() as connection:
        await portal_tokens.start_renewal(
            connection,
            portal_state.fingerprint(keycloak.given[0]),
            keycloak.given[0],
            holder=uuid4(),
            term=timedelta(seconds=0.5),
        )
    if answered:
        keycloak.exchange(keycloak.given[-1])


async def test_who_takes_over_waits_for_what_the_other_may_hold(
    database: Database, keycloak: Keycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_renewal, "TAKEOVER_DELAY", 1.0)
    keycloak.rotation = "reuse kills"
    await leave(database, keycloak, answered=True)
    async with database.connection() as connection:
        await connection.execute("UPDATE portal_tokens SET renewing_until = now() - interval '1 second'")
    async with source_of(database, keycloak) as source:
        waiting = asyncio.create_task(source.current())
        await asyncio.sleep(0.3)
        async with database.connection() as connection:
            await portal_tokens.end_renewal(
                connection,
                portal_state.fingerprint(keycloak.given[0]),
                replaces=keycloak.given[0],
                access_token="a1",
                refresh_token=keycloak.given[-1],
                age=timedelta(seconds=40),
                life=timedelta(hours=8),
            )

        assert await waiting == "a1"

    assert not keycloak.is_dead


async def test_older_refresh_tokens_are_tried_before_the_line_is_dead(database: Database, keycloak: Keycloak) -> None:
    async with source_of(database, keycloak) as source:
        await source.current()
        await until(lambda: is_kept(database, keycloak))
        # The realm accepts the previous token: it was restored, or our newest one never reached it.
        keycloak.given.pop()

        await source.refused("a1")

        assert await source.current() == "a1"
    assert len(keycloak.asked_with) == 3
    assert not await refused_since(database, keycloak.given[0])


async def test_a_dead_refresh_token_is_told_and_leaves_the_living_token_in_use(
    database: Database, keycloak: Keycloak
) -> None:
    keycloak.expires_in = 30.0
    async with source_of(database, keycloak) as source:
        token = await source.current()
    keycloak.is_dead = True
    await age(database, keycloak, by=25)
    async with source_of(database, keycloak) as source:
        assert await source.current() == token
        await source.accepted(token)

        assert await refused_since(database, keycloak.given[0])


async def test_a_portal_that_refuses_every_token_causes_one_renewal(database: Database, keycloak: Keycloak) -> None:
    async with source_of(database, keycloak) as source:
        for _ in range(20):
            with suppress(Unauthorized):
                await source.refused(await source.current())

    assert len(keycloak.asked_with) == 2
    assert await refused_since(database, keycloak.given[0])
