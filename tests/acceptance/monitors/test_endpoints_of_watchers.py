"""Who watches a case is told at the monitor's URL, at an endpoint of the account, at both, or nowhere."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from standardwebhooks import Webhook

from service.database.connection import Database
from service.local.simulator import DocumentSpec
from service.webhooks.signature import new_secret
from tests.support.deliveries.deliveries import add_user
from tests.support.deliveries.endpoints import add_endpoint
from tests.support.deliveries.watchers import UPDATED, Watcher, monitor_path
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber


@dataclass(frozen=True)
class Account:
    """A user with an endpoint for `process.updated`, if `secret` is not None."""

    watcher: Watcher
    user_id: UUID
    secret: str | None

    async def watch(self, number: str, *, with_url: bool) -> None:
        url = self.watcher.subscriber.url(self.watcher.path)
        body: dict[str, Any] = {"every": "1d", "webhook_url": url if with_url else None}
        assert (await self.watcher.api.put(monitor_path(number), body)).status == 201

    async def deliveries(self) -> list[Any]:
        return list((await self.watcher.api.get("/api/v1/webhooks/deliveries")).json["items"])


async def account(
    api: Api, database: Database, subscriber: Subscriber, path: str, *events: str, url: str = ""
) -> Account:
    """A new user, with an endpoint that wants these events."""
    user_id, key = await add_user(database)
    secret = new_secret() if events else None
    if secret is not None:
        await add_endpoint(database, user_id, url or subscriber.url(path), *events, secret=secret)
    return Account(Watcher(api.with_key(key), subscriber, path), user_id, secret)


async def test_each_way_to_be_told_is_used_once(
    api: Api, database: Database, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(size=2000))
    other = subscriber.url(f"/{number}/other")
    by_url = await account(api, database, subscriber, f"/{number}/url")
    by_endpoint = await account(api, database, subscriber, f"/{number}/endpoint", "*")
    same = await account(api, database, subscriber, f"/{number}/same", UPDATED)
    both = await account(api, database, subscriber, f"/{number}/both", UPDATED, url=other)
    nowhere = await account(api, database, subscriber, f"/{number}/nowhere", "process.failed")
    for each in (by_url, same, both):
        await each.watch(number, with_url=True)
    for each in (by_endpoint, nowhere):
        await each.watch(number, with_url=False)
    for each in (by_url, same, both, by_endpoint, nowhere):
        await each.watcher.baseline(number)
    await api.ended(number)
    filed = await portal.file_document(number)

    await by_url.watcher.check(number)
    told = [by_url, by_endpoint, same, both]
    for each in told:
        await subscriber.wait_for(each.watcher.path)
    await subscriber.wait_for(f"/{number}/other")

    for each in told:
        # The endpoint that wants all events was told of the first download too, which its user had asked for.
        assert each.watcher.documents().keys() == {filed["sha256"]}
        assert len(each.watcher.told()) == 1
    monitor = (await nowhere.watcher.api.get(monitor_path(number))).json
    assert monitor["last_changed_at"] is not None
    assert nowhere.watcher.received == []
    counts = [len(await each.deliveries()) for each in (same, both, nowhere)]
    assert counts == [1, 2, 0]
    await expect_both_sign(same)


async def expect_both_sign(account: Account) -> None:
    """A receiver with the secret of the endpoint and one with that of the user accept the same POST."""
    [received] = account.watcher.received
    own = (await account.watcher.api.get("/api/v1/webhooks/secret")).json["secret"]
    assert account.secret is not None
    for secret in (own, account.secret):
        Webhook(secret).verify(received.body, {name.lower(): value for name, value in received.headers.items()})
