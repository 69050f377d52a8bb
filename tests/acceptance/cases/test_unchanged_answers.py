"""ETags of a case: 304 while nothing changes, and never after a change."""

from typing import Any

import aiohttp
import pytest

from service.local.simulator import DocumentSpec
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

COUNT = 120  # documents: more than the slices of an answer


class Poller:
    """Sends the last tag that it got."""

    def __init__(self, api: Api, path: str) -> None:
        self._api = api
        self._path = path
        self.tag = ""

    async def ask(self) -> tuple[int, Any]:
        """The status code and the body."""
        headers = {"Authorization": f"Bearer {self._api.api_key}"} | ({"If-None-Match": self.tag} if self.tag else {})
        async with self._api.session.get(self._api.base_url + self._path, headers=headers) as response:
            self.tag = response.headers["ETag"]
            assert response.headers["Cache-Control"] == "no-store"
            return response.status, await json_of(response)


async def json_of(response: aiohttp.ClientResponse) -> Any:
    content = await response.read()
    return await response.json() if content else None


@pytest.fixture
async def case(api: Api, portal: Portal, number: str) -> str:
    """A complete case."""
    await portal.put_documents(number, DocumentSpec(count=COUNT, size=2000))
    await api.process(number)
    await api.ended(number)
    return number


@pytest.mark.parametrize("path", ["/status", "/status?documents=false", ""])
async def test_who_has_the_newest_answer_is_told_so_until_something_changes(
    api: Api, portal: Portal, case: str, path: str
) -> None:
    poller = Poller(api, f"/api/v1/processes/{case}{path}")

    first = await poller.ask()
    again = await poller.ask()
    await portal.put_documents(case, DocumentSpec(count=COUNT + 1, size=2000))
    await api.process(case, force_refresh="true")
    changed = await poller.ask()

    assert (first[0], first[1]["total_documents"]) == (200, COUNT)
    assert again == (304, None)
    assert (changed[0], changed[1]["total_documents"]) == (200, COUNT + 1)
    await api.ended(case)


async def test_every_answer_of_a_client_that_sends_tags_is_that_of_one_that_sends_none(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=30, size=2000))
    await api.process(number)
    poller = Poller(api, f"/api/v1/processes/{number}/status")
    known: Any = None
    while known is None or known["status"] != "completed":
        status, answer = await poller.ask()
        known = answer if status == 200 else known

    assert without_links(known) == without_links(await api.status(number))


def without_links(status: Any) -> Any:
    documents = [
        {name: value for name, value in document.items() if not name.startswith("download_url")}
        for document in status["documents"]
    ]
    return status | {"documents": documents}


async def test_a_tag_is_one_callers_own(api: Api, other_client: Api, subscriber: Subscriber, case: str) -> None:
    path = f"/api/v1/processes/{case}/status"
    poller, other = Poller(api, path), Poller(other_client, path)
    assert (await poller.ask())[0] == 200
    url = subscriber.url(f"/{case}")
    assert (await other_client.process(case, webhook_url=url)).status == 200
    other.tag = poller.tag

    assert (await other.ask())[1]["webhook_url"] == url
    assert (await poller.ask())[0] == 304


async def test_the_numbers_alone_are_those_of_the_whole_status(api: Api, case: str) -> None:
    whole = await api.status(case)

    numbers = (await api.get(f"/api/v1/processes/{case}/status", documents="false")).json

    assert len(whole["documents"]) == COUNT
    assert numbers == whole | {"documents": []}
