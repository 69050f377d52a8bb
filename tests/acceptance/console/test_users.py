"""Keys and users in the console: shown once, revoked at once, and nobody's business but their owner's."""

import re

from service.database.connection import Database
from tests.support.deliveries.deliveries import add_user
from tests.support.http.api import Api
from tests.support.http.browser import Browser, Seen

HOSTILE = '"><script>alert(1)</script>'


def new_key(seen: Seen) -> str:
    """The key that a page shows."""
    found = re.search(r'id="new-key"[^>]*value="([^"]+)"', seen.text)
    assert found is not None, seen.words
    return found[1]


async def test_a_key_is_made_shown_once_and_revoked(browser: Browser, client: Api) -> None:
    made = await browser.post("/console/keys", {"label": "The scanner"})
    shown = await browser.get(made.location)
    again = await browser.get(made.location)
    key = new_key(shown)
    other = client.with_key(key)

    assert (made.status, made.location) == (303, "/console/keys")
    assert "The scanner" in again.words
    assert key not in again.text
    assert key not in str(browser.cookies)
    assert (await other.get("/api/v1/users/me")).status == 200
    (row,) = re.findall(r'action="(/console/keys/[0-9a-f-]+/revoke)"', again.text.partition("The scanner")[2])[:1]
    revoked = await browser.post(row)
    assert (await other.get("/api/v1/users/me")).status == 401
    assert (revoked.status, revoked.location) == (303, "/console/keys?done=key_revoked")
    assert "The key is revoked." in (await browser.get(revoked.location)).words
    assert (await browser.post(row)).status == 404


async def test_a_label_that_cannot_be_used_is_said_beside_the_field(browser: Browser) -> None:
    wrong = await browser.post("/console/keys", {"label": "a\x07b"})
    long = await browser.post("/console/keys", {"label": "x" * 101})
    empty = await browser.post("/console/keys", {"label": ""})

    assert [wrong.status, long.status, empty.status] == [422, 422, 303]
    assert 'aria-describedby="label-hint label-error"' in wrong.text


async def test_no_more_keys_than_a_user_may_have(browser: Browser) -> None:
    for _ in range(19):
        await browser.post("/console/keys")
    full = await browser.get("/console/keys")
    refused = await browser.post("/console/keys")

    assert "20 keys at most" in full.words
    assert refused.status == 409
    assert "Revoke one first" in refused.words


async def test_the_key_of_the_session_ends_the_session(browser: Browser) -> None:
    page = await browser.get("/console/keys")
    (own,) = re.findall(r'action="(/console/keys/[0-9a-f-]+/revoke)"', page.text)
    assert "this session ends too" in page.words

    await browser.post(own)

    assert (await browser.get("/console/keys")).location.startswith("/console/login")


async def test_nobody_revokes_the_key_of_somebody_else(browser: Browser, api: Api, database: Database) -> None:
    user_id, key = await add_user(database)
    keys = (await api.get(f"/api/v1/users/{user_id}/keys")).json["items"]

    refused = await browser.post(f"/console/keys/{keys[0]['id']}/revoke")

    assert refused.status == 404
    assert (await api.with_key(key).get("/api/v1/users/me")).status == 200


async def test_an_administrator_makes_and_deletes_a_user(api: Api) -> None:
    admin = await Browser.of(api).log_in(api.api_key)
    name = f"{HOSTILE} & Associados"

    made = await admin.post("/console/users", {"name": name, "role": "user"})
    page = await admin.get(made.location)
    key = new_key(page)
    taken = await admin.post("/console/users", {"name": name})
    nameless = await admin.post("/console/users", {"name": " "})
    listed = await admin.get("/console/users")

    assert (await api.with_key(key).get("/api/v1/users/me")).json["name"] == name
    assert [made.status, taken.status, nameless.status] == [303, 409, 422]
    assert all("<script>alert" not in each.text for each in (page, taken, listed))
    assert name in listed.words
    deleted = await admin.post(f"{made.location}/delete")
    assert deleted.location == "/console/users?done=user_deleted"
    assert (await api.with_key(key).get("/api/v1/users/me")).status == 401
    assert (await admin.get(made.location)).status == 404


async def test_an_administrator_makes_and_revokes_the_key_of_a_user(api: Api, database: Database) -> None:
    admin = await Browser.of(api).log_in(api.api_key)
    user_id, _ = await add_user(database)

    made = await admin.post(f"/console/users/{user_id}/keys", {"label": "second"})
    page = await admin.get(made.location)
    revoke = re.findall(rf'action="(/console/users/{user_id}/keys/[0-9a-f-]+/revoke)"', page.text)
    answers = [await admin.post(each) for each in revoke]

    assert new_key(page).startswith("autos_")
    assert [each.status for each in answers] == [303, 303]
    assert (await admin.post(f"/console/users/{user_id}/keys/nonsense/revoke")).status == 404
    assert (await admin.get("/console/users/nonsense")).status == 404
