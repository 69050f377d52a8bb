"""One document from the simulated portal into a real bucket: what is stored, and what never is."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from service.domain.documents import ContentFlag, StoredFile
from service.domain.errors import ErrorCode
from service.local.simulator import (
    CaseDocument,
    DocumentSpec,
    Fault,
    FaultKind,
    Kind,
    SimulatedPortal,
    create_portal,
    make_case,
    running_portal,
    sha256_of,
    text_of,
)
from service.local.simulator.faults import IN_DOCUMENTS
from service.portal import client as portal_client
from service.portal import download as portal_download
from service.portal import errors
from service.portal.errors import Busy, NotFound, PortalError, Refused, Unavailable
from service.storage.store_upload import PART_SIZE
from tests.support.buckets import Bucket
from tests.support.portal_client import Portal, open_portal_client
from tests.support.simulated_bytes import seen_before
from worker.downloads.inspection import Doubted, Expected, Inspection, Received
from worker.downloads.transfer import transfer

NUMBER = "7654321-71.2021.8.19.0001"
TOKEN = "invented-token"
LIMIT = 64 * 1024 * 1024
SMALL, LARGE = 50_000, 2 * PART_SIZE + 1000

FAILURES: dict[FaultKind, tuple[type[PortalError], ErrorCode]] = {
    FaultKind.PORTAL_PAGE: (Unavailable, ErrorCode.PORTAL_PAGE),
    FaultKind.FIREWALL_403: (Unavailable, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.JSON_200: (Unavailable, ErrorCode.PORTAL_ANSWER_INVALID),
    FaultKind.EMPTY_BODY: (Unavailable, ErrorCode.EMPTY_DOCUMENT),
    FaultKind.CODEX_500: (Unavailable, ErrorCode.PORTAL_ERROR),
    FaultKind.NOT_FOUND_404: (NotFound, ErrorCode.DOCUMENT_NOT_FOUND),
    FaultKind.GATEWAY_404: (Unavailable, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.ACCEPTED_202: (errors.NotReady, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.TOO_MANY_429: (Busy, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.UNAVAILABLE_503: (Unavailable, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.EXPIRED_401: (errors.Unauthorized, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.DENIED_403: (errors.AccessDenied, ErrorCode.DOCUMENT_ACCESS_DENIED),
    FaultKind.REDIRECT_OTHER_HOST: (Unavailable, ErrorCode.REDIRECTED),
    FaultKind.HANG: (Unavailable, ErrorCode.PORTAL_UNAVAILABLE),
    FaultKind.TRUNCATED_WITH_LENGTH: (Unavailable, ErrorCode.TRUNCATED),
    FaultKind.TRUNCATED_WITHOUT_LENGTH: (Doubted, ErrorCode.SIZE_MISMATCH),
    FaultKind.RESET: (Unavailable, ErrorCode.TRUNCATED),
    FaultKind.LONGER_THAN_DECLARED: (Doubted, ErrorCode.SIZE_MISMATCH),
    FaultKind.OTHER_SIZE: (Doubted, ErrorCode.SIZE_MISMATCH),
    FaultKind.HTML_AS_PDF: (Doubted, ErrorCode.CONTENT_MISMATCH),
    FaultKind.SLOW_DRIP: (Unavailable, ErrorCode.TOO_SLOW),
    FaultKind.REJECTED_PAGE: (Unavailable, ErrorCode.PORTAL_PAGE),
    FaultKind.OTHER_BODY: (Unavailable, ErrorCode.PORTAL_ANSWER_INVALID),
}
HARMLESS = (FaultKind.NO_CONTENT_LENGTH, FaultKind.CLOSE_DELIMITED, FaultKind.UNASKED_GZIP)


@dataclass
class Rig:
    """A simulated portal, its client, and a bucket."""

    simulated: SimulatedPortal
    portal: Portal
    bucket: Bucket
    folder: str
    attempts: int = 0

    def put(self, **spec: Any) -> CaseDocument:
        """Add a case with one document."""
        case = make_case(NUMBER, [DocumentSpec(**spec)])
        self.simulated.put_case(case)
        return case.documents[0]

    def fail(self, kind: FaultKind, **options: Any) -> None:
        """Let every request for the document fail in this way."""
        self.simulated.script.fail_document(NUMBER, "*", Fault(kind=kind, times=-1, **options))

    async def transfer(self, document: CaseDocument, promise: Expected, **options: Any) -> StoredFile:
        """Transfer one address of a document, as the worker does."""
        inspection = Inspection(promise, max_bytes=options.pop("limit", LIMIT), before=options.pop("before", ()))
        rendition = "texto" if promise.is_text else "binario"
        async with self.portal.client.open_document(address(document, rendition)) as download:
            return await transfer(
                download, inspection, self.bucket.store, prefix=self.attempt_prefix(), name=document.name
            )

    def attempt_prefix(self) -> str:
        """A prefix as long as that of a worker, in a folder of the test."""
        self.attempts += 1
        return f"{self.folder}/{self.attempts:016x}-"

    async def is_clean(self) -> bool:
        """Whether nothing is visible and nothing was left open."""
        return await self.bucket.is_empty(self.folder)


def address(document: CaseDocument, rendition: str) -> str:
    return f"/processos/{NUMBER}/documentos/{document.uuid_of(0)}/{rendition}"


def asked_for(simulated: SimulatedPortal) -> int:
    return sum("/documentos/" in entry.path for entry in simulated.journal.entries)


def promised(document: CaseDocument) -> Expected:
    return Expected(document.declared_size, document.kind.media_type)


@pytest.fixture(scope="module")
async def simulated() -> AsyncIterator[tuple[SimulatedPortal, str]]:
    app = create_portal(TOKEN, ())
    async with running_portal(app) as origin:
        yield app.state.portal, origin


@pytest.fixture
async def rig(simulated: tuple[SimulatedPortal, str], local_bucket: Bucket, key: str) -> AsyncIterator[Rig]:
    state, origin = simulated
    state.reset()
    async with open_portal_client(f"{origin}/api/v2", TOKEN) as portal:
        yield Rig(state, portal, local_bucket, key.rpartition("/")[0])


def test_every_fault_of_a_document_is_in_the_tables() -> None:
    assert {*FAILURES, *HARMLESS, FaultKind.LONGER_THAN_LENGTH, FaultKind.MADE_ANEW} == IN_DOCUMENTS


@pytest.mark.parametrize("size", [SMALL, PART_SIZE - 1, PART_SIZE, PART_SIZE + 1, 2 * PART_SIZE, LARGE])
async def test_a_pdf_of_any_size_arrives_byte_for_byte(rig: Rig, size: int) -> None:
    document = rig.put(name="Petição inicial.pdf", size=size)

    stored = await rig.transfer(document, promised(document))

    key = f"{rig.folder}/{1:016x}-Peticao-inicial.pdf"
    assert stored == StoredFile(key, size, sha256_of(document), "application/pdf", crc32=stored.crc32)
    assert hashlib.sha256(await rig.bucket.read(stored.key) or b"").hexdigest() == sha256_of(document)
    assert await rig.bucket.visible(rig.folder) == [stored.key]
    assert await rig.bucket.open_uploads(rig.folder) == []


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    ("kind", "mime_type"),
    [(Kind.PDF, "application/pdf"), (Kind.HTML, "text/html"), (Kind.RTF, "application/rtf")],
)
async def test_every_kind_arrives_byte_for_byte(rig: Rig, kind: Kind, mime_type: str, declared: bool) -> None:
    document = rig.put(name="Sentença", kind=kind, declared=declared)

    promise = promised(document) if declared else Expected(None, None)
    stored = await rig.transfer(document, promise, before=seen_before(document, promise))
    assert (stored.mime_type, stored.key) == (mime_type, f"{rig.folder}/{1:016x}-Sentenca.{kind}")
    assert stored.sha256 == sha256_of(document)
    assert hashlib.sha256(await rig.bucket.read(stored.key) or b"").hexdigest() == stored.sha256


async def test_the_text_of_a_document_arrives_byte_for_byte(rig: Rig) -> None:
    document = rig.put(name="Acórdão", binary_href=False)

    stored = await rig.transfer(document, Expected(document.size, "application/pdf", is_text=True))

    assert (stored.mime_type, stored.key) == ("text/plain", f"{rig.folder}/{1:016x}-Acordao.txt")
    assert await rig.bucket.read(stored.key) == text_of(document)


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("fault", HARMLESS)
@pytest.mark.parametrize("kind", Kind)
async def test_an_odd_end_of_the_body_does_no_harm_to_a_document_that_is_whole(
    rig: Rig, fault: FaultKind, kind: Kind, size: int
) -> None:
    document = rig.put(size=size, kind=kind)
    rig.fail(fault)

    for promise in (promised(document), Expected(None, None)):
        stored = await rig.transfer(document, promise, before=seen_before(document, promise))

    assert hashlib.sha256(await rig.bucket.read(stored.key) or b"").hexdigest() == sha256_of(document)


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("kind", FAILURES)
async def test_each_fault_has_its_error_and_leaves_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, kind: FaultKind, size: int
) -> None:
    if kind is FaultKind.HANG:
        monkeypatch.setattr(portal_client, "READ_TIMEOUT", 0.3)
    if kind is FaultKind.SLOW_DRIP:
        monkeypatch.setattr(portal_download, "SPEED_WINDOW", 0.1)
    document = rig.put(size=size)
    rig.fail(kind, seconds=0.01, body=b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>")

    with pytest.raises(PortalError) as error:
        await rig.transfer(document, promised(document))

    assert (type(error.value), error.value.code) == FAILURES[kind]
    assert await rig.is_clean()
    assert (asked_for(rig.simulated), rig.portal.gate.in_flight) == (1, 0)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_what_follows_the_announced_length_never_gets_into_the_object(rig: Rig, size: int) -> None:
    document = rig.put(size=size)
    rig.fail(FaultKind.LONGER_THAN_LENGTH)

    # Whether the HTTP library refuses the answer depends on how much of it arrives at once.
    with suppress(Unavailable):
        await rig.transfer(document, promised(document))

    for key in await rig.bucket.visible(rig.folder):
        assert hashlib.sha256(await rig.bucket.read(key) or b"").hexdigest() == sha256_of(document)
    assert await rig.bucket.open_uploads(rig.folder) == []


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("kind", Kind)
async def test_a_document_without_promise_and_end_is_doubted_once(rig: Rig, kind: Kind, size: int) -> None:
    document = rig.put(size=size, kind=kind, declared=False)
    rig.fail(FaultKind.TRUNCATED_WITHOUT_LENGTH, after_bytes=size - 100)

    with pytest.raises(Doubted) as error:
        await rig.transfer(document, Expected(None, None))

    assert (error.value.code, error.value.received.size) == (ErrorCode.TRUNCATED, size - 100)
    assert await rig.is_clean()


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_same_mismatch_twice_is_stored_and_flagged(rig: Rig, size: int) -> None:
    document = rig.put(size=size, declared_size=size + 1)
    with pytest.raises(Doubted) as error:
        await rig.transfer(document, promised(document))

    stored = await rig.transfer(document, promised(document), before=[error.value.received])

    assert (stored.size, stored.sha256) == (size, sha256_of(document))
    assert stored.content_flags == (ContentFlag.SIZE_MISMATCH,)
    assert await rig.bucket.visible(rig.folder) == [stored.key]


async def test_a_mismatch_of_other_bytes_than_before_is_refused_again(rig: Rig) -> None:
    document = rig.put(declared_size=7)
    before = Received(document.size, hashlib.sha256(b"other").hexdigest())

    with pytest.raises(Doubted):
        await rig.transfer(document, promised(document), before=[before])

    assert await rig.is_clean()


@pytest.mark.parametrize(("size", "limit"), [(SMALL, SMALL - 1), (LARGE, LARGE - 1), (LARGE, PART_SIZE)])
async def test_a_document_above_the_limit_is_refused_for_good(rig: Rig, size: int, limit: int) -> None:
    document = rig.put(size=size)

    with pytest.raises(Refused) as error:
        await rig.transfer(document, promised(document), limit=limit)

    assert error.value.code is ErrorCode.TOO_LARGE
    assert await rig.is_clean()


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_failed_attempt_leaves_the_file_of_an_earlier_one_alone(rig: Rig, size: int) -> None:
    document = rig.put(size=size)
    stored = await rig.transfer(document, promised(document))
    rig.fail(FaultKind.TRUNCATED_WITH_LENGTH)

    with pytest.raises(Unavailable):
        await rig.transfer(document, promised(document))

    assert hashlib.sha256(await rig.bucket.read(stored.key) or b"").hexdigest() == sha256_of(document)


async def test_a_cancelled_transfer_leaves_nothing_and_gives_its_place_back(rig: Rig) -> None:
    # The rest takes longer than it takes to see the first part.
    rig.simulated.configure({"bytes_per_second": PART_SIZE})
    document = rig.put(size=7 * PART_SIZE)
    transferring = asyncio.create_task(rig.transfer(document, promised(document)))
    while not await rig.bucket.open_uploads(rig.folder):
        assert not transferring.done()

    transferring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await transferring

    assert await rig.is_clean()
    assert rig.portal.gate.in_flight == 0
