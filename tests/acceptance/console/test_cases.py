"""The pages of cases, as a browser without scripts sees them."""

import io
import re
import zipfile
from collections.abc import Iterator
from itertools import islice

import aiohttp

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.support.http.api import Api
from tests.support.http.browser import Browser
from tests.support.numbers import process_numbers
from tests.support.portal import Portal

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "{{ 7*7 }}{% raw %}",
    "</title></section><svg/onload=alert(1)>",
)


def page_of(number: str, rest: str = "") -> str:
    return f"/console/cases/{number}{rest}"


async def test_a_case_is_asked_for_followed_opened_and_downloaded(
    browser: Browser, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=3, name="Petição inicial"))

    asked = await browser.post("/console/cases", {"numbers": f"  {number} "})
    assert (asked.status, asked.location) == (303, f"{page_of(number)}?done=case_requested")
    await client.ended(number)
    page = await browser.get(asked.location)

    assert page.status == 200
    assert "The case was asked for." in page.words
    assert "3 of 3 documents are done 100 %" in page.words
    assert page.words.count("Petição inicial") == 3
    links = re.findall(rf'href="({page_of(number)}/documents/[0-9a-f-]+)"', page.text)
    opened = await browser.get(links[0])
    assert opened.status == 302
    content, _ = await client.download(opened.location)
    assert content
    archive = await whole(browser, page_of(number, "/archive"))
    assert len([name for name in zipfile.ZipFile(io.BytesIO(archive)).namelist() if name.endswith(".pdf")]) == 3


async def whole(browser: Browser, path: str) -> bytes:
    """The bytes at a path, with the session."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    async with (
        aiohttp.ClientSession(headers={"Cookie": cookie}) as session,
        session.get(browser.base_url + path) as response,
    ):
        assert response.status == 200
        return await response.read()


async def test_a_failed_document_says_why_and_can_be_retried(
    browser: Browser, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(), DocumentSpec(origin_id="bad", name="Laudo"))
    await portal.fail_document(number, "bad", Fault(kind=FaultKind.NOT_FOUND_404, times=FOR_EVER))
    await browser.post("/console/cases", {"numbers": number})
    await client.ended(number)
    page = await browser.get(page_of(number))
    failed = await browser.get(page_of(number, "?only=failed"))

    assert "1 document failed The portal lists this document but answers that it does not exist." in page.words
    assert "Laudo" in failed.words
    assert failed.text.count("<tr>") == 2
    (retry,) = re.findall(rf'action="({page_of(number)}/documents/[0-9a-f-]+/download)"', failed.text)
    await portal.let_go(number, "bad")
    sent = await browser.post(retry)
    assert (sent.status, sent.location) == (303, f"{page_of(number)}?done=document_retried")
    await client.ended(number)

    assert "2 of 2 documents are done 100 %" in (await browser.get(page_of(number))).words


async def test_hostile_names_are_text(browser: Browser, client: Api, portal: Portal, number: str) -> None:
    specs = [DocumentSpec(origin_id=str(place), name=name) for place, name in enumerate(HOSTILE)]
    await portal.put_documents(number, *specs)
    await browser.post("/console/cases", {"numbers": number})
    await client.ended(number)

    page = await browser.get(page_of(number))
    found = await browser.get(f"/console/cases?q={HOSTILE[0]}&court={HOSTILE[1]}")

    for name in HOSTILE:
        assert name in page.words
        assert name not in page.text or "<" not in name
    assert HOSTILE[0] not in found.text


async def test_a_case_that_nobody_asked_for_says_what_to_do(browser: Browser, number: str) -> None:
    page = await browser.get(page_of(number))
    wrong = await browser.get(page_of("0000000-00.0000.0.00.0000"))

    assert (page.status, wrong.status) == (404, 400)
    assert "Nobody has asked for this case yet." in page.words


async def test_a_case_that_the_portal_does_not_know_is_told_at_once(browser: Browser, number: str) -> None:
    sent = await browser.post("/console/cases", {"numbers": number})

    assert sent.status == 404
    assert "The portal does not know this case" in sent.words


async def test_many_are_asked_for_from_a_file_and_what_is_no_number_is_told(
    browser: Browser, portal: Portal, supply: Iterator[str]
) -> None:
    numbers = [next(supply) for _ in range(3)]
    for number in numbers:
        await portal.put_documents(number, DocumentSpec())
    form = aiohttp.FormData()
    form.add_field("numbers", "")
    rows = ["numero;cliente", *numbers, "0000001-00.2020.8.26.0100;Fulano"]
    form.add_field("file", "\ufeff" + "\r\n".join(rows), filename="casos.csv", content_type="text/csv")

    sent = await browser.post("/console/cases", form)
    page = await browser.get(sent.location)

    assert sent.status == 303
    assert "3 cases were asked for." in page.words
    assert "These are no case numbers: 0000001-00.2020.8.26.0100." in page.words
    for number in numbers:
        assert number in page.words


async def test_what_holds_no_number_is_refused_with_what_to_do(browser: Browser) -> None:
    empty = await browser.post("/console/cases", {"numbers": "processo do João"})
    many = await browser.post("/console/cases", {"numbers": "\n".join(islice(process_numbers(), 1001))})

    assert (empty.status, many.status) == (422, 422)
    assert "No case number was found" in empty.words
    assert "The limit is 1,000 numbers at once." in many.words


async def test_a_case_is_found_by_its_number_its_court_and_its_status(
    browser: Browser, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await browser.post("/console/cases", {"numbers": number})
    await client.ended(number)

    found = await browser.get(f"/console/cases?q={number[:10]}&status=completed")
    missed = await browser.get(f"/console/cases?q={number}&status=cancelled")

    assert number in found.words
    assert "1 of 1 documents" in found.words
    assert number not in missed.words.replace(f"q={number}", "")
    assert "Nothing found." in missed.words


async def test_a_page_is_told_that_its_case_changes_until_the_work_has_ended(
    browser: Browser, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await portal.hold(number)
    await browser.post("/console/cases", {"numbers": number})
    page = await browser.get(page_of(number))
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    async with (
        aiohttp.ClientSession(headers={"Cookie": cookie}) as session,
        session.get(f"{browser.base_url}{page_of(number, '/events')}") as stream,
    ):
        assert stream.content_type == "text/event-stream"
        assert await stream.content.readline() == b"event: message\r\n"
        await portal.let_go(number)
        rest = await stream.content.read()
    await client.ended(number)
    after, ended = await browser.get(page_of(number)), await browser.get(page_of(number, "/events"))

    assert rest.count(b"data: ") >= 2
    assert f'data-events="{page_of(number)}/events"' in page.text
    assert ("data-ended" in page.text, "data-ended" in after.text, ended.status) == (False, True, 204)
    assert (await Browser.of(client).get(page_of(number, "/events"))).status == 303


async def test_what_is_filed_in_a_watched_case_is_there_after_a_check(
    browser: Browser, client: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await browser.post("/console/cases", {"numbers": number})
    await client.ended(number)
    await browser.post(page_of(number, "/watch"), {"every": "1d"})
    await portal.file_document(number, name="Despacho novo")

    await browser.post(page_of(number, "/check"))
    await client.until(number, lambda status: status["completed_documents"] == 2)

    assert "Despacho novo" in (await browser.get(page_of(number))).words
