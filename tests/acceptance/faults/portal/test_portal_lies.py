"""Every known response of the portal instead of a document or a listing, through the whole service."""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from service.domain.errors import ErrorCode
from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind, Kind
from service.local.simulator.cases.build import CaseSpec
from service.local.simulator.faults import IN_LISTINGS
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

#: The error of a document for which the portal always gives this response.
FOR_GOOD: dict[FaultKind, ErrorCode] = {
    FaultKind.PORTAL_PAGE: ErrorCode.PORTAL_PAGE,
    FaultKind.JSON_200: ErrorCode.PORTAL_ANSWER_INVALID,
    FaultKind.EMPTY_BODY: ErrorCode.EMPTY_DOCUMENT,
    FaultKind.CODEX_500: ErrorCode.PORTAL_ERROR,
    FaultKind.NOT_FOUND_404: ErrorCode.DOCUMENT_NOT_FOUND,
    FaultKind.GATEWAY_404: ErrorCode.PORTAL_UNAVAILABLE,
    FaultKind.EXPIRED_401: ErrorCode.DOCUMENT_ACCESS_DENIED,
    FaultKind.UNAVAILABLE_503: ErrorCode.PORTAL_UNAVAILABLE,
    FaultKind.DENIED_403: ErrorCode.DOCUMENT_ACCESS_DENIED,
    FaultKind.REDIRECT_OTHER_HOST: ErrorCode.REDIRECTED,
    FaultKind.TRUNCATED_WITH_LENGTH: ErrorCode.TRUNCATED,
    FaultKind.RESET: ErrorCode.TRUNCATED,
    FaultKind.REJECTED_PAGE: ErrorCode.PORTAL_PAGE,
}
#: Errors that another request would not change.
PERMANENT = {FaultKind.DENIED_403}
#: Responses after which the service asks once more and gets the document.
ONCE = [
    *(FOR_GOOD.keys() - PERMANENT),
    FaultKind.TRUNCATED_WITHOUT_LENGTH,
    FaultKind.LONGER_THAN_DECLARED,
    FaultKind.LONGER_THAN_LENGTH,
    FaultKind.OTHER_SIZE,
    FaultKind.HTML_AS_PDF,
]
#: Unusual responses that are accepted.
HARMLESS = [FaultKind.NO_CONTENT_LENGTH, FaultKind.CLOSE_DELIMITED, FaultKind.UNASKED_GZIP]


async def ask_for_all(api: Api, numbers: list[str]) -> list[Any]:
    """Request the cases at the same time, and wait for all."""
    await asyncio.gather(*(api.process(number) for number in numbers))
    return await asyncio.gather(*(api.ended(number) for number in numbers))


async def test_a_lie_that_is_told_for_good_fails_the_document_with_a_reason(
    api: Api, portal: Portal, supply: Iterator[str]
) -> None:
    cases = {kind: next(supply) for kind in FOR_GOOD}
    for kind, number in cases.items():
        await portal.put_documents(number, DocumentSpec(origin_id="liar"), DocumentSpec(origin_id="honest"))
        await portal.fail_document(number, "liar", Fault(kind=kind, times=FOR_EVER, retry_after=0))

    statuses = await ask_for_all(api, list(cases.values()))

    for (kind, expected), status in zip(FOR_GOOD.items(), statuses, strict=True):
        assert (status["completed_documents"], status["failed_documents"]) == (1, 1), kind
        (failed,) = [document for document in status["documents"] if document["status"] == "failed"]
        assert failed["error_code"] == expected, kind
        assert failed["error_message"].endswith("."), kind
        assert (failed["download_url"], failed["sha256"]) == (None, None), kind


async def test_a_lie_that_is_told_once_costs_one_attempt(api: Api, portal: Portal, supply: Iterator[str]) -> None:
    cases = {kind: next(supply) for kind in ONCE}
    for kind, number in cases.items():
        await portal.put_documents(number, DocumentSpec(origin_id="liar"))
        await portal.fail_document(number, "liar", Fault(kind=kind, retry_after=0))

    statuses = await ask_for_all(api, list(cases.values()))

    for (kind, number), status in zip(cases.items(), statuses, strict=True):
        (document,) = status["documents"]
        assert status["status"] == "completed", kind
        # Bytes beyond Content-Length may be seen or not; they are never stored.
        assert document["attempts"] == 2 or kind is FaultKind.LONGER_THAN_LENGTH, kind
        assert document["sha256"] == (await portal.documents(number))[0]["sha256"], kind
        assert document["size_mismatch"] is False, kind


async def test_what_is_unusual_but_right_is_taken_at_once(api: Api, portal: Portal, supply: Iterator[str]) -> None:
    cases = {kind: next(supply) for kind in HARMLESS}
    for kind, number in cases.items():
        await portal.put_documents(number, DocumentSpec(origin_id="odd"))
        await portal.fail_document(number, "odd", Fault(kind=kind, times=FOR_EVER))
        if kind in IN_LISTINGS:
            await portal.fail_listing(number, Fault(kind=kind, times=FOR_EVER))

    for status in await ask_for_all(api, list(cases.values())):
        assert (status["status"], status["documents"][0]["attempts"]) == ("completed", 1)


async def test_the_same_other_size_twice_is_accepted_and_flagged(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(size=20_000, declared_size=19_999))
    await api.process(number)

    (document,) = (await api.ended(number))["documents"]

    assert (document["status"], document["size"], document["size_mismatch"]) == ("available", 20_000, True)
    assert (document["content_flags"], document["listed_size"]) == (["size_mismatch"], 19_999)
    body, _headers = await api.download(document["download_url"])
    assert hashlib.sha256(body).hexdigest() == document["sha256"]


async def test_a_second_copy_is_tried_when_the_codex_fails_for_the_first(api: Api, portal: Portal, number: str) -> None:
    await portal.put_case(number, CaseSpec(documents=(DocumentSpec(count=2),), listed_twice=True))
    for document in await portal.documents(number):
        await portal.fail_document(number, document["uuids"][0], Fault(kind=FaultKind.CODEX_500, times=FOR_EVER))
    await api.process(number)

    status = await api.ended(number)

    assert (status["status"], status["total_documents"]) == ("completed", 2)
    assert {document["attempts"] for document in status["documents"]} == {1}


async def test_the_portal_that_asks_for_quiet_gets_it_and_loses_nothing(
    api: Api, portal: Portal, supply: Iterator[str]
) -> None:
    for as_date in (False, True):
        number = next(supply)
        await portal.put_documents(number, DocumentSpec(count=5))
        fault = Fault(kind=FaultKind.TOO_MANY_429, times=2, retry_after=1, retry_after_as_date=as_date)
        await portal.fail_document(number, "*", fault)
        await api.process(number)
        status = await api.ended(number)

        assert status["status"] == "completed"
        # A 429 is not a failed attempt.
        assert {document["attempts"] for document in status["documents"]} == {1}


@pytest.mark.parametrize("start", ["", " "])
async def test_a_listing_whose_addresses_have_the_path_of_the_api_is_downloaded(
    api: Api, portal: Portal, number: str, start: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await portal.fail_listing(number, Fault(kind=FaultKind.HREF_OTHER_HOST, times=FOR_EVER, location=start))
    await api.process(number)

    assert (await api.ended(number))["status"] == "completed"


async def test_a_listing_that_leads_elsewhere_is_not_followed(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec())
    await portal.fail_listing(number, Fault(kind=FaultKind.HREF_OTHER_HOST, times=FOR_EVER))
    await api.process(number)

    (document,) = (await api.ended(number))["documents"]

    assert (document["status"], document["error_code"]) == ("failed", "address_refused")


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.MALFORMED_JSON,
        FaultKind.TRUNCATED,
        FaultKind.PORTAL_PAGE,
        FaultKind.REJECTED_PAGE,
        FaultKind.EMPTY_BODY,
        FaultKind.SLOW,
    ],
)
async def test_a_listing_that_is_none_is_asked_for_again(
    api: Api, portal: Portal, subscriber: Subscriber, number: str, kind: FaultKind
) -> None:
    await portal.put_documents(number, DocumentSpec(count=2))
    await portal.fail_listing(number, Fault(kind=kind, seconds=3600))

    answer = await api.process(number, webhook_url=subscriber.url(f"/{number}"))

    assert (answer.status, answer.json["status"]) == (202, "pending")
    (received,) = await subscriber.wait_for(f"/{number}", timeout=60)
    assert received.json["completed_documents"] == 2


@pytest.mark.parametrize("kind", [FaultKind.TWO_OBJECTS, FaultKind.CONTENT_WRAPPER])
async def test_a_listing_in_another_shape_is_read(api: Api, portal: Portal, number: str, kind: FaultKind) -> None:
    await portal.put_documents(number, DocumentSpec(count=2))
    await portal.fail_listing(number, Fault(kind=kind, times=FOR_EVER))
    await api.process(number)

    status = await api.ended(number)

    assert (status["status"], status["completed_documents"]) == ("completed", 2)


async def test_an_empty_listing_is_an_unknown_case(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec())
    await portal.fail_listing(number, Fault(kind=FaultKind.EMPTY_LIST))

    assert (await api.process(number)).json["code"] == "process_not_found"


NAMES = [
    "a/b\\c/../../etc/passwd",
    "nul\x00byte.pdf",
    "controls\r\n\t\x1b[31m.pdf",
    "\u202egnp.exe\u2066.pdf",
    "x" * 1000,
    "Petição inicial — nº 1ª (2).pdf",
    'quote".pdf',
    "...",
    "same.pdf",
    "same.pdf",
]


async def test_names_of_every_kind_are_stored_and_downloaded(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, *(DocumentSpec(name=name, size=3000) for name in NAMES))
    await api.process(number)

    status = await api.ended(number)

    assert (status["status"], status["completed_documents"]) == ("completed", len(NAMES))
    for document in status["documents"]:
        body, headers = await api.download(document["download_url"])
        assert hashlib.sha256(body).hexdigest() == document["sha256"]
        assert headers["Content-Disposition"].startswith('attachment; filename="')
        assert not any(ord(character) < 32 for character in document["name"])


async def test_a_sealed_document_is_fetched_where_it_may_be_and_named_where_not(
    api: Api, portal: Portal, number: str
) -> None:
    sealed = DocumentSpec(secrecy="SEGREDO_JUSTICA", origin_id="sealed", kind=Kind.HTML)
    await portal.put_documents(number, sealed, DocumentSpec(secrecy="SIGILO_MAXIMO", origin_id="denied"))
    await portal.fail_document(number, "denied", Fault(kind=FaultKind.DENIED_403, times=FOR_EVER))
    await api.process(number)

    documents = {each["secrecy"]: each for each in (await api.ended(number))["documents"]}

    assert documents["SEGREDO_JUSTICA"]["status"] == "available"
    assert documents["SIGILO_MAXIMO"]["error_code"] == "document_access_denied"


@pytest.mark.long
async def test_a_case_of_five_thousand_documents_completes(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(count=5000, size=2000))
    await api.process(number)

    status = await api.ended(number, timeout=280)

    assert (status["status"], status["completed_documents"]) == ("completed", 5000)


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "expected"),
    [(FaultKind.SLOW_DRIP, ErrorCode.TOO_SLOW), (FaultKind.HANG, ErrorCode.PORTAL_UNAVAILABLE)],
)
async def test_a_drip_or_a_silence_is_ended(
    api: Api, portal: Portal, number: str, kind: FaultKind, expected: ErrorCode
) -> None:
    await portal.put_documents(number, DocumentSpec(origin_id="slow"))
    await portal.fail_document(number, "slow", Fault(kind=kind, times=FOR_EVER))
    await api.process(number)

    (document,) = (await api.ended(number, timeout=280))["documents"]

    assert (document["status"], document["error_code"]) == ("failed", expected)
