"""A watched case, from the first check to the event that tells what is new."""

import pytest

from service.database.connection import Database
from service.local.simulator import DocumentSpec
from tests.support.deliveries.deliveries import add_user
from tests.support.deliveries.watchers import Watcher, monitor_path
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

ONE = DocumentSpec(size=2000)


@pytest.fixture
async def watchers(api: Api, database: Database, subscriber: Subscriber, number: str) -> list[Watcher]:
    """Three users."""
    keys = [(await add_user(database))[1] for _ in range(3)]
    return [Watcher(api.with_key(key), subscriber, f"/{number}/{place}") for place, key in enumerate(keys)]


async def test_what_is_filed_is_told_to_each_watcher_once_with_verified_bytes(
    watchers: list[Watcher], portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, ONE)
    for each in watchers:
        await each.watch(number)
    for each in watchers:
        await each.baseline(number)
    await watchers[0].api.ended(number)
    before = await portal.listings(number)
    filed = await portal.file_document(number, name="Sentença.pdf")
    moved = await portal.file_movement(number, description="Julgado procedente")

    await watchers[0].check(number)
    for each in watchers:
        await subscriber.wait_for(each.path)
    # Nothing new: no event. It would have its deliveries by the end of the check.
    await watchers[1].check(number)
    for each in watchers:
        assert len((await each.api.get("/api/v1/webhooks/deliveries")).json["items"]) == 1

    assert await portal.listings(number) == before + 2
    for each in watchers:
        assert each.documents().keys() == {filed["sha256"]}
        assert each.movements().keys() == {moved["description"]}
        assert len(each.received) == 1
        assert await each.expect_links() == 1
        [body] = each.told().values()
        assert (body["status"], body["job_id"], body["documents"]) == ("completed", None, [])
        assert body["process"]["process_number"] == number
        assert body["checked_at"] is not None
        monitor = (await each.api.get(monitor_path(number))).json
        assert monitor["last_changed_at"] is not None
