"""Sessions of the console: begun with a key or a link, ended by everything that should end them."""

import asyncio
from uuid import UUID

import pytest

from service.console.framework.sessions import digest, new_token
from service.database.connection import Database
from service.database.console import sessions
from service.database.users import api_keys, users
from service.domain.api_keys import key_hash
from tests.support.http.api import Api
from tests.support.http.browser import Browser

ELSEWHERE = (
    "//evil.example",
    "https://evil.example/console",
    "/\\evil.example",
    "/console/../..//evil.example",
    "/console//evil.example",
    "/console\\@evil.example",
    "/consoleevil.example",
    "/console/keys\r\nSet-Cookie: a=b",
    "/console/%2e%2e/%2e%2e//evil.example",
    "javascript:alert(1)",
    "console",
    "/docs",
)


async def key_of(database: Database, client: Api) -> tuple[UUID, UUID]:
    """The ids of the user and of the key of a client."""
    async with database.connection() as connection:
        user = await users.find_by_key_hash(connection, key_hash(client.api_key or ""))
    assert user is not None
    return user.id, user.key_id


async def token_of(database: Database, client: Api) -> str:
    """A single-use link's token."""
    token, stored = new_token()
    async with database.connection() as connection:
        await sessions.add_token(connection, stored, (await key_of(database, client))[1])
    return token


async def is_in(browser: Browser) -> bool:
    return (await browser.get("/console/keys")).status == 200


async def test_a_key_opens_the_console_and_the_session_is_not_the_key(client: Api, database: Database) -> None:
    browser = Browser.of(client)
    asked = await browser.get("/console/keys?x=1")
    form = await browser.get(asked.location)
    entered = await browser.post("/console/login", {"key": f" {client.api_key}\n", "next": "/console/keys?x=1"})
    page = await browser.get(entered.location)

    assert (asked.status, asked.location) == (303, "/console/login?next=%2Fconsole%2Fkeys%3Fx%3D1")
    assert 'value="/console/keys?x=1"' in form.text
    assert (entered.status, entered.location, page.status) == (303, "/console/keys?x=1", 200)
    cookie = entered.headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict", "Max-Age=43200"} <= set(cookie.split("; "))
    assert str(client.api_key) not in str(browser.cookies)
    (session_id,) = browser.cookies.values()
    async with database.connection() as connection:
        stored = await connection.fetch_val(
            "SELECT encode(hash, 'hex') FROM console_sessions WHERE hash = :hash", {"hash": digest(session_id)}
        )
    assert stored is not None
    assert session_id not in stored


async def test_a_wrong_key_is_refused_with_a_page(api: Api) -> None:
    browser = Browser.of(api, "pt-BR")

    for wrong in ("autos_wrong", "", "ü", "a" * 300):
        seen = await browser.post("/console/login", {"key": wrong}, **{"X-Forwarded-For": "198.51.100.1"})
        assert seen.status == 401
        assert "desconhecida ou foi revogada" in seen.words
    assert browser.cookies == {}


async def test_ten_wrong_keys_in_a_minute_are_slowed_down(client: Api) -> None:
    browser, address = Browser.of(client), {"X-Forwarded-For": "198.51.100.2"}
    for _ in range(10):
        await browser.post("/console/login", {"key": "autos_wrong"}, **address)

    slowed = await browser.post("/console/login", {"key": client.api_key}, **address)
    elsewhere = await browser.post("/console/login", {"key": client.api_key}, **{"X-Forwarded-For": "198.51.100.3"})

    assert slowed.status == 429
    assert int(slowed.headers["Retry-After"]) > 0
    assert "Wait" in slowed.words
    assert elsewhere.status == 303


async def test_a_session_ends_with_its_key(client: Api, database: Database) -> None:
    browser = await Browser.of(client).log_in(client.api_key)
    user_id, key_id = await key_of(database, client)
    assert await is_in(browser)

    async with database.transaction() as connection:
        await api_keys.add(connection, user_id, "another key of the same user", label=None)
        await api_keys.revoke(connection, key_id)

    assert not await is_in(browser)


async def test_a_session_ends_with_its_user(client: Api, database: Database) -> None:
    browser = await Browser.of(client).log_in(client.api_key)
    user_id, _ = await key_of(database, client)

    async with database.transaction() as connection:
        await users.delete(connection, user_id)

    assert not await is_in(browser)


async def test_a_session_ends_after_its_time(client: Api, database: Database) -> None:
    browser = await Browser.of(client).log_in(client.api_key)
    _, key_id = await key_of(database, client)

    async with database.connection() as connection:
        left = await connection.fetch_val(
            "SELECT expires_at - now() FROM console_sessions WHERE key_id = :key_id", {"key_id": key_id}
        )
        await connection.execute(
            "UPDATE console_sessions SET expires_at = now() WHERE key_id = :key_id", {"key_id": key_id}
        )

    assert sessions.SESSION_LIFE.total_seconds() - 60 < left.total_seconds() <= sessions.SESSION_LIFE.total_seconds()
    assert not await is_in(browser)
    # The next log-in of anybody deletes it.
    await Browser.of(client).log_in(client.api_key)
    async with database.connection() as connection:
        count = "SELECT count(*) FROM console_sessions WHERE key_id = :key_id"
        assert await connection.fetch_val(count, {"key_id": key_id}) == 1


async def test_logging_out_ends_the_session_for_whoever_has_its_cookie(client: Api) -> None:
    browser = await Browser.of(client).log_in(client.api_key)
    stolen = Browser(client.session, client.base_url, cookies=dict(browser.cookies))

    left = await browser.post("/console/logout")

    assert (left.status, left.location) == (303, "/console/login?done=logged_out")
    assert "logged out" in (await browser.get(left.location)).words
    assert browser.cookies == {}
    assert not await is_in(stolen)


async def test_logging_out_everywhere_ends_every_session_of_the_user(client: Api, api: Api) -> None:
    browser, other = [await Browser.of(client).log_in(client.api_key) for _ in range(2)]
    admin = await Browser.of(api).log_in(api.api_key)

    await browser.post("/console/logout", {"everywhere": "1"})

    assert [await is_in(each) for each in (browser, other, admin)] == [False, False, True]


async def test_logging_in_again_ends_the_session_before(client: Api) -> None:
    browser = await Browser.of(client).log_in(client.api_key)
    before = Browser(client.session, client.base_url, cookies=dict(browser.cookies))

    await browser.log_in(client.api_key)

    assert [await is_in(browser), await is_in(before)] == [True, False]


async def test_a_link_opens_the_console_once(client: Api, database: Database) -> None:
    token = await token_of(database, client)

    entered = await asyncio.gather(*(Browser.of(client).get(f"/console/login?token={token}") for _ in range(5)))

    assert sorted(each.status for each in entered) == [303, 410, 410, 410, 410]
    assert {each.location for each in entered if each.status == 303} == {"/console"}


async def test_a_link_of_another_site_needs_a_button(client: Api, database: Database) -> None:
    browser, token = Browser.of(client), await token_of(database, client)

    asked = await browser.get(f"/console/login?token={token}", **{"Sec-Fetch-Site": "cross-site"})
    entered = await browser.post("/console/login", {"token": token})

    assert (asked.status, entered.status) == (200, 303)
    assert await is_in(browser)


async def test_a_link_ends_with_its_key_and_after_its_time(client: Api, database: Database) -> None:
    late, revoked = await token_of(database, client), await token_of(database, client)
    user_id, key_id = await key_of(database, client)
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE console_tokens SET expires_at = now() WHERE hash = :hash", {"hash": digest(late)}
        )
        assert (await Browser.of(client).get(f"/console/login?token={revoked}x")).status == 410
        await api_keys.add(connection, user_id, "one more key of this user", label=None)
        await api_keys.revoke(connection, key_id)

    for token in (late, revoked):
        assert (await Browser.of(client).get(f"/console/login?token={token}")).status == 410


@pytest.mark.parametrize("target", ELSEWHERE)
async def test_no_redirect_leads_elsewhere(client: Api, target: str) -> None:
    browser = Browser.of(client)
    entered = await browser.post("/console/login", {"key": client.api_key, "next": target})
    switched = await browser.get(f"/console/preferences?language=en&next={target!r}".replace("'", ""))

    assert (entered.location, switched.location) == ("/console", "/console")
