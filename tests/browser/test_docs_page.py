"""`GET /docs` in a real browser."""

import shutil
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from service.api.openapi.example_facts import NUMBER
from tests.browser.chromium import Tab, running_chromium
from tests.support.http.api import Api

CHROMIUM = shutil.which("chromium")
#: What Swagger UI shows where it cannot read the document, or a part of it.
ERRORS = "[...document.querySelectorAll('.errors-wrapper, .loading-container, .renderedMarkdown .error')]"
#: A path with parameters, a body, a stream, and a webhook. All at once are too much for a busy machine.
OPENED = ("Cases-processes_show", "Cases-search_search", "Cases-events_show", "webhooks-process_failed")
LIVE = "document.querySelector('#operations-Operations-health_live')"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here; to install one takes root"),
]


@pytest.fixture(scope="module")
async def page(
    api: Api, session: aiohttp.ClientSession, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Tab]:
    """The page after it shows operations."""
    async with running_chromium(CHROMIUM or "", tmp_path_factory.mktemp("profile"), session) as tab:
        await tab.open(f"{api.base_url}/docs")
        await tab.until("document.querySelectorAll('.opblock').length > 0")
        yield tab


def expected_ids(document: dict[str, Any]) -> set[str]:
    """The ids under which Swagger UI shows the operations and the webhooks of a document."""
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    webhooks = [each["post"]["operationId"] for each in document["webhooks"].values()]
    return {f"operations-{each['tags'][0]}-{each['operationId']}" for each in operations} | {
        f"operations-webhooks-{each}" for each in webhooks
    }


async def test_it_shows_every_operation_and_no_error(api: Api, page: Tab) -> None:
    document = (await api.get("/openapi.json")).json
    shown = await page.evaluate("[...document.querySelectorAll('.opblock')].map((each) => each.id)")
    chapters = await page.evaluate("[...document.querySelectorAll('h3.opblock-tag')].map((each) => each.dataset.tag)")

    assert set(shown) == expected_ids(document)
    assert chapters == [tag["name"] for tag in document["tags"]]
    assert await page.evaluate(f"{ERRORS}.length") == 0
    assert await page.evaluate("document.title") == "Autos: API reference"


@pytest.mark.parametrize("name", OPENED)
async def test_it_shows_the_inside_of_an_operation(page: Tab, name: str) -> None:
    block = f"document.querySelector('#operations-{name}')"
    await page.evaluate(f"{block}.querySelector('.opblock-summary-control').click()")
    await page.until(f"{block}.querySelectorAll('.highlight-code').length > 0")

    assert NUMBER in await page.evaluate(f"{block}.innerText")
    assert await page.evaluate(f"{ERRORS}.length") == 0


async def test_a_request_can_be_tried_on_it(page: Tab) -> None:
    await page.evaluate(f"{LIVE}.querySelector('.opblock-summary-control').click()")
    await page.until(f"{LIVE}.querySelector('.execute') !== null")
    await page.evaluate(f"{LIVE}.querySelector('.execute').click()")
    await page.until(f"{LIVE}.querySelector('.live-responses-table') !== null")

    assert "200" in await page.evaluate(
        f"{LIVE}.querySelector('.live-responses-table tbody .response-col_status').innerText"
    )


async def test_nothing_is_asked_of_anybody_else_and_nothing_is_refused(api: Api, page: Tab) -> None:
    asked = [urlsplit(each["request"]["url"]) for each in page.told("Network.requestWillBeSent")]
    requests = [url for url in asked if url.scheme != "data"]

    assert len(requests) > 4
    assert {f"{url.scheme}://{url.netloc}" for url in requests} == {api.base_url}
    # A violation of the page's policy is an issue and a log message.
    issues = [each["issue"] for each in page.told("Audits.issueAdded")]
    assert [each for each in issues if each["code"] == "ContentSecurityPolicyIssue"] == []
    for told in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Network.loadingFailed"):
        assert page.told(told) == []
    assert [each for each in page.told("Network.responseReceived") if each["response"]["status"] >= 400] == []
