"""What is accepted as a document, and what is not."""

import hashlib
import zlib

import pytest

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from service.local.simulator.answers import PORTAL_PAGE
from service.portal.errors import Refused, Unavailable
from tests.support.contents import HTML, NOTHING, OCTETS, PDF, RTF, doubted, flags_of, inspected, refused
from worker.downloads.inspection import Doubted, Expected, Received


async def kind(body: bytes, promised: str | None = None, header: str = OCTETS) -> str:
    return (await inspected(body, Expected(None, promised))).detect_kind(header, None)


@pytest.mark.parametrize("step", [1, 7, 100_000])
async def test_size_and_digest_are_those_of_all_bytes(step: int) -> None:
    body = PDF * 30

    inspection = await inspected(body, step=step)

    assert (inspection.size, inspection.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert inspection.crc32 == zlib.crc32(body)
    assert inspection.check_complete(None, is_framed=True) == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (PDF, "application/pdf"),
        (b"\xef\xbb\xbf" + PDF, "application/pdf"),
        (b"junk before\n" + PDF, "application/pdf"),
        (RTF, "application/rtf"),
        (HTML, "text/html"),
        (b"  \r\n\t" + HTML, "text/html"),
        (b"\xef\xbb\xbf<p>Vistos</p>", "text/html"),
        ("<p>Vistos</p>".encode("utf-16"), "text/html"),
        (b"<!DOCTYPE html><html><body>x</body></html>", "text/html"),
        (b"<!-- generated --><p>x</p>", "text/html"),
        (b"<P>x", "text/html"),
        (b"<p>%PDF-1.4 is how a PDF begins</p>", "text/html"),
        (b"\xff\xd8\xff\xe0 JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"II*\x00....", "image/tiff"),
        (b"MM\x00*....", "image/tiff"),
        (b"ID3\x03....", "audio/mpeg"),
        (b"PK\x03\x04....", "application/zip"),
        (b"\x00\x01\x02 nothing that is known", "application/octet-stream"),
        (b"< 3 meses", "application/octet-stream"),
        (b"x" * 1024 + PDF, "application/octet-stream"),
    ],
)
async def test_the_first_bytes_tell_the_kind(body: bytes, expected: str) -> None:
    assert await kind(body) == expected


@pytest.mark.parametrize(
    ("body", "promised", "header", "expected"),
    [
        (PDF, "application/pdf", "text/plain", "application/pdf"),
        (PDF, "application/x-pdf", "", "application/pdf"),
        (PDF, "APPLICATION_PDF", "", "application/pdf"),
        (RTF, "text/richtext", "", "application/rtf"),
        (RTF, "text/rtf", "", "application/rtf"),
        (HTML, "text/html", "", "text/html"),
        (HTML, "TEXT_HTML", "", "text/html"),
        (HTML, "text/html; charset=ISO-8859-1", "", "text/html"),
        (b"Vistos. <p>Cite-se.</p>", "text/html", "", "text/html"),
        (b"&nbsp;Vistos.", "text/html", "", "text/html"),
        (b"Vistos.", "text/plain", "", "text/plain"),
        (b"....ftypmp42", "video/mp4", "", "video/mp4"),
        (b"PK\x03\x04", "application/vnd.oasis.opendocument.text", "", "application/vnd.oasis.opendocument.text"),
        (b"\xff\xd8\xff", "image/png", "", "image/jpeg"),
        (b"\x00....", None, "video/mp4", "video/mp4"),
        (b"\x00....", None, "video/mp4; codecs=x", "video/mp4"),
        (b"\x00....", "application/octet-stream", "video/mp4", "video/mp4"),
        (b"\x00....", "whatever", "", "application/octet-stream"),
        (b"\x00....", "a/b\r\nX-Evil: 1", "", "application/octet-stream"),
        (b"\x00....", "aplicação/pdf", "imagem/são", "application/octet-stream"),
        (b"\x00....", "", "", "application/octet-stream"),
        (b"\x00....", "a/" + "b" * 200, "", "application/octet-stream"),
    ],
)
async def test_the_listing_and_the_header_have_a_say(
    body: bytes, promised: str | None, header: str, expected: str
) -> None:
    assert await kind(body, promised, header) == expected


@pytest.mark.parametrize(
    ("body", "promised"),
    [
        (HTML, "application/pdf"),
        (b"\x00....", "application/pdf"),
        (b"x" * 1024 + PDF, "application/pdf"),
        (PDF, "text/html"),
        (b"\x00\x01\x02", "text/html"),
        (RTF, "text/html"),
        (HTML, "text/richtext"),
        (PDF, "text/rtf"),
        (b"Vistos.", "text/richtext"),
        (PDF, "text/plain"),
    ],
)
async def test_another_kind_than_the_listed_one_has_to_come_twice(body: bytes, promised: str) -> None:
    error, _ = await doubted(body, Expected(len(body), promised))

    assert isinstance(error, Unavailable)
    assert error.code is ErrorCode.CONTENT_MISMATCH
    assert await flags_of(body, Expected(len(body), promised)) == (ContentFlag.TYPE_MISMATCH,)


@pytest.mark.parametrize("promised", [None, "text/html", "application/pdf"])
async def test_the_portals_own_page_is_never_a_document(promised: str | None) -> None:
    error = await refused(PORTAL_PAGE.encode(), Expected(None, promised), "text/html")

    assert error.code is ErrorCode.PORTAL_PAGE


@pytest.mark.parametrize("is_text", [True, False])
@pytest.mark.parametrize(
    ("body", "header"),
    [
        (b'{"codigo":500,"mensagem":"Falha"}', "application/json"),
        (b'{"codigo":500,"mensagem":"Falha"}', "application/pdf"),
        (b' \n{ "codigo" : 500 }', "application/octet-stream"),
        (b"{}", "application/octet-stream"),
        (b'\xef\xbb\xbf{"codigo":500}', "application/octet-stream"),
        (b'{"trace":"' + b"x" * 50_000 + b'"}', "application/json"),
        (b'[{"codigo":500}]', "application/json"),
        (b'{"":' * 1000, "application/octet-stream"),
        (b'{"a":' + b"[" * 3000, "application/octet-stream"),
    ],
)
async def test_an_error_in_json_is_never_a_document(body: bytes, header: str, is_text: bool) -> None:
    error = await refused(body, Expected(None, None, is_text=is_text), header)

    assert error.code is ErrorCode.PORTAL_ANSWER_INVALID


@pytest.mark.parametrize(
    "body", [b"{ nota }", b'{"nota" without an end', b"[DOCUMENTO SIGILOSO]", b"[1]", b'{"\xff": 1}', b"<p>texto</p>"]
)
async def test_a_text_may_begin_with_a_bracket(body: bytes) -> None:
    inspection = await inspected(body, Expected(10_000, "application/pdf", is_text=True))

    assert inspection.detect_kind("text/plain", None) == "text/plain"
    assert inspection.check_complete(None, is_framed=True) == ()


@pytest.mark.parametrize("body", [PDF, RTF, b"\x89PNG\r\n\x1a\n", b"text\0with NUL"])
async def test_the_text_rendition_is_text(body: bytes) -> None:
    error = await refused(body, Expected(None, None, is_text=True), "text/plain")

    assert error.code is ErrorCode.CONTENT_MISMATCH


@pytest.mark.parametrize("body", [b"", b" \r\n"])
@pytest.mark.parametrize("promise", [Expected(100, "application/pdf"), Expected(None, None, is_text=True)])
async def test_no_bytes_are_no_document_where_some_are_promised(promise: Expected, body: bytes) -> None:
    error = await refused(body, promise)

    assert isinstance(error, Unavailable)
    assert error.code is ErrorCode.EMPTY_DOCUMENT


@pytest.mark.parametrize("header", [OCTETS, "application/json", "text/html", ""])
@pytest.mark.parametrize(
    ("promise", "kind"),
    [
        (NOTHING, OCTETS),
        (Expected(None, "application/pdf", "a.pdf"), OCTETS),
        (Expected(None, "text/html"), "text/html"),
        (Expected(None, "video/mp4"), OCTETS),
    ],
)
async def test_no_bytes_that_come_twice_are_what_the_court_has(promise: Expected, kind: str, header: str) -> None:
    error, again = await doubted(b"", promise, header)

    assert (error.code, again) == (ErrorCode.EMPTY_DOCUMENT, kind)
    assert await flags_of(b"", promise, header) == (ContentFlag.EMPTY,)


async def test_no_bytes_are_no_document_where_the_answer_does_not_say_so() -> None:
    """In chunks, or up to the end of the connection: a gateway that loses the portal sends such a response."""
    with pytest.raises(Unavailable) as error:
        (await inspected(b"")).detect_kind("application/pdf", None)

    assert not isinstance(error.value, Doubted)


@pytest.mark.parametrize("content_length", [None, len(PDF), 7])
async def test_the_promised_size_is_enough(content_length: int | None) -> None:
    assert (await inspected(PDF, Expected(len(PDF), None))).check_complete(content_length, is_framed=True) == ()


@pytest.mark.parametrize("content_length", [None, len(PDF)])
async def test_another_size_is_refused_the_first_time(content_length: int | None) -> None:
    inspection = await inspected(PDF, Expected(len(PDF) + 1, None))

    with pytest.raises(Doubted) as error:
        inspection.check_complete(content_length, is_framed=True)

    assert isinstance(error.value, Unavailable)
    assert error.value.code is ErrorCode.SIZE_MISMATCH
    assert error.value.received == Received(len(PDF), hashlib.sha256(PDF).hexdigest(), is_whole=True)


async def test_the_same_mismatch_again_is_accepted_and_flagged() -> None:
    promise = Expected(len(PDF) + 1, None)
    with pytest.raises(Doubted) as error:
        (await inspected(PDF, promise)).check_complete(None, is_framed=True)

    assert (await inspected(PDF, promise, before=[error.value.received])).check_complete(None, is_framed=True) == (
        ContentFlag.SIZE_MISMATCH,
    )


@pytest.mark.parametrize("other", [PDF + b" ", PDF.replace(b"x", b"y")])
async def test_another_mismatch_is_refused_again(other: bytes) -> None:
    before = Received(len(PDF), hashlib.sha256(PDF).hexdigest())

    with pytest.raises(Doubted) as error:
        (await inspected(other, Expected(len(PDF) + 10, None), before=[before])).check_complete(None, is_framed=True)

    assert error.value.received != before


async def test_the_right_size_after_a_mismatch_is_not_flagged() -> None:
    before = Received(1, hashlib.sha256(b"x").hexdigest())

    assert (await inspected(PDF, Expected(len(PDF), None), before=[before])).check_complete(None, is_framed=True) == ()


@pytest.mark.parametrize("body", [PDF[:-8], b"junk before\n" + PDF[:-8]])
async def test_a_pdf_without_its_end_and_without_any_promise_is_doubted_once(body: bytes) -> None:
    with pytest.raises(Doubted) as error:
        (await inspected(body)).check_complete(None, is_framed=True)

    again = await inspected(body, before=[error.value.received])
    assert again.check_complete(None, is_framed=True) == (ContentFlag.NO_END,)


async def test_a_pdf_without_its_end_but_of_a_promised_size_is_whole() -> None:
    assert (await inspected(PDF[:-8], Expected(len(PDF) - 8, None))).check_complete(None, is_framed=True) == ()


async def test_the_end_of_a_pdf_may_be_followed_by_a_little() -> None:
    assert (await inspected(PDF + b"\0" * 1500, step=9)).check_complete(None, is_framed=True) == ()


async def test_what_is_larger_than_the_limit_is_refused_for_good() -> None:
    with pytest.raises(Refused) as error:
        await inspected(b"x" * 1001, limit=1000)

    assert error.value.code is ErrorCode.TOO_LARGE
    assert (await inspected(b"x" * 1000, limit=1000)).size == 1000
