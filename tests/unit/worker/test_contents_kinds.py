"""Kinds: what the bytes show, what listing, header and name say, and what is never accepted."""

import pytest

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from service.domain.file_names import download_name
from tests.support.contents import (
    DOCX,
    DOCX_TYPE,
    HTML,
    JPEG,
    MP3,
    MP4,
    NOTHING,
    OCTETS,
    ODT,
    ODT_TYPE,
    OLE,
    PAGE,
    PDF,
    PNG,
    RTF,
    SEVEN_ZIP,
    SIGNED,
    accepted,
    archive,
    doubted,
    flags_of,
    refused,
)
from worker.downloads.inspection import Doubted, Expected

BASE64_ENVELOPE = b"MIAGCSqGSIb3DQEHAqCAMIACAQExDzANBglghkgBZQMEAgEFADCABgkqhkiG9w0BBwGg"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Kinds of which the portal's sources know, and one document of each.
CONTENTS = {
    "application/pdf": PDF,
    "application/rtf": RTF,
    "image/jpeg": JPEG,
    "image/png": PNG,
    "image/gif": b"GIF89a" + bytes(20) + b";",
    "image/tiff": b"II*\x00" + bytes(20),
    "image/bmp": b"BM\x1e\x00\x00\x00\x00\x00\x00\x00" + bytes(20),
    "image/webp": b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(8),
    "image/heic": b"\x00\x00\x00\x18ftypheic" + bytes(20),
    "image/avif": b"\x00\x00\x00\x18ftypavif" + bytes(20),
    "audio/mpeg": MP3,
    "audio/wav": b"RIFF\x10\x00\x00\x00WAVEfmt " + bytes(8),
    "audio/ogg": b"OggS\x00\x02" + bytes(20),
    "audio/flac": b"fLaC" + bytes(20),
    "audio/aac": b"\xff\xf1\x50\x80" + bytes(20),
    "audio/mp4": b"\x00\x00\x00\x18ftypM4A " + bytes(20),
    "video/mp4": MP4,
    "video/quicktime": b"\x00\x00\x00\x14ftypqt  " + bytes(20),
    "video/webm": b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x42\x82\x84webm" + bytes(20),
    "video/x-msvideo": b"RIFF\x10\x00\x00\x00AVI LIST" + bytes(8),
    "video/x-ms-wmv": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9" + bytes(20),
    "video/mpeg": b"\x00\x00\x01\xba\x44" + bytes(20),
    "application/zip": archive("a.txt"),
    "application/x-7z-compressed": SEVEN_ZIP,
    "application/vnd.rar": b"Rar!\x1a\x07\x01\x00" + bytes(20),
    "application/gzip": b"\x1f\x8b\x08\x00" + bytes(20),
    "application/msword": OLE,
    "application/vnd.ms-excel": OLE,
    "application/vnd.ms-outlook": OLE,
    "application/pkcs7-signature": SIGNED,
    "application/pkcs7-mime": SIGNED,
    DOCX_TYPE: DOCX,
    ODT_TYPE: ODT,
}
GATEWAY = b"<html>\r\n<head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body>"
#: Text that passes for a page, an error or a word, and is no document of a binary kind.
TEXTS = {
    "fragment": HTML,
    "page": PAGE,
    "gateway": GATEWAY,
    "store": b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code></Error>',
    "xml": b"<nota xmlns='urn:x'>1</nota>",
    "json": b'{"mensagens":[]}',
    "error": b'{"codigo":500,"mensagem":"Falha"}',
    "words": b"Vistos, etc.",
    "utf-16": "<p>Vistos</p>".encode("utf-16"),
}
ERRORS = {name: TEXTS[name] for name in ("gateway", "store", "error")}


@pytest.mark.parametrize("promised", CONTENTS)
async def test_a_document_of_the_listed_kind_is_accepted(promised: str) -> None:
    assert await accepted(CONTENTS[promised], Expected(None, promised)) == promised


@pytest.mark.parametrize("text", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("promised", CONTENTS)
@pytest.mark.parametrize("is_of_the_size", [False, True])
async def test_errors_and_known_pages_are_never_a_document(promised: str, text: bytes, is_of_the_size: bool) -> None:
    error = await refused(text, Expected(len(text) if is_of_the_size else None, promised), "text/html")

    assert not isinstance(error, Doubted)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("promised", CONTENTS)
async def test_short_text_of_another_size_is_never_a_document_of_a_binary_kind(promised: str, text: bytes) -> None:
    error = await refused(text, Expected(500_000, promised), "text/html")

    assert not isinstance(error, Doubted)


LONG = b"<p>Aos cinco dias compareceram as partes.</p>" * 30
XML = b"<?xml version='1.0'?><nfe><item>1</item></nfe>"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (HTML, "text/html"),
        (PAGE, "text/html"),
        ("<p>Vistos</p>".encode("utf-16"), "text/html"),
        (XML, "application/xml"),
        (b'{"mensagens":[]}', "application/json"),
        ("Vistos, etc. É o relatório.".encode(), "text/plain"),
    ],
)
@pytest.mark.parametrize("promised", ["application/pdf", "image/jpeg", DOCX_TYPE, "text/richtext"])
async def test_text_of_the_listed_size_is_what_the_court_has(promised: str, text: bytes, kind: str) -> None:
    promise = Expected(len(text), promised, "laudo.pdf")

    assert (await doubted(text, promise))[1] == kind
    assert await flags_of(text, promise) == (ContentFlag.TYPE_MISMATCH,)


@pytest.mark.parametrize("size", [None, 500_000])
async def test_a_long_fragment_is_what_the_court_has_whatever_is_listed(size: int | None) -> None:
    promise = Expected(size, "application/pdf")

    error, kind = await doubted(b"<div>" + LONG + b"</div>", promise)

    assert (error.code, kind) == (ErrorCode.CONTENT_MISMATCH, "text/html")


@pytest.mark.parametrize("size", [500_000, 1])
async def test_a_complete_page_of_another_size_and_kind_is_never_a_document(size: int) -> None:
    page = b"<!DOCTYPE html><html><body>" + LONG + b"</body></html>"

    assert not isinstance(await refused(page, Expected(size, "application/pdf"), "text/html"), Doubted)


@pytest.mark.parametrize(
    "ending", ["pdf", "PDF", "jpg", "jpeg", "png", "mp4", "mp3", "docx", "zip", "p7s", "doc", "rtf"]
)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_the_ending_of_the_name_is_a_promise_too(ending: str, text: bytes) -> None:
    error = await refused(text, Expected(None, None, f"4.1 EXTRATO.{ending}"), "text/html")

    assert not isinstance(error, Doubted)


@pytest.mark.parametrize(
    "promised", ["image/jpeg", "application/pdf", "video/mp4", DOCX_TYPE, "application/pkcs7-mime"]
)
async def test_bytes_that_show_nothing_are_not_of_a_kind_that_shows_itself(promised: str) -> None:
    error, kind = await doubted(b"\x00\x01\x02" + bytes(500), Expected(503, promised))

    assert (error.code, kind) == (ErrorCode.CONTENT_MISMATCH, OCTETS)


@pytest.mark.parametrize(
    ("body", "header", "name", "expected"),
    [
        (DOCX, DOCX_TYPE, "x", DOCX_TYPE),
        (DOCX, OCTETS, "x", DOCX_TYPE),
        (DOCX, "application/zip", "x.docx", DOCX_TYPE),
        (archive("_rels/.rels", "xl/workbook.xml"), OCTETS, "x", XLSX_TYPE),
        (archive("custom.xml"), OCTETS, "x.docx", DOCX_TYPE),
        (archive("custom.xml"), DOCX_TYPE, "x", DOCX_TYPE),
        (ODT, OCTETS, "x", ODT_TYPE),
        (archive("a.pdf", "b.pdf"), OCTETS, "x", "application/zip"),
        (archive("a.pdf", "b.pdf"), "application/pdf", "x.zip", "application/zip"),
        (SIGNED, OCTETS, "x.p7s", "application/pkcs7-signature"),
        (SIGNED, OCTETS, "x.p7m", "application/pkcs7-mime"),
        (SIGNED, OCTETS, "x", "application/pkcs7-signature"),
        (BASE64_ENVELOPE, OCTETS, "x.p7s", "application/pkcs7-signature"),
        (b"-----BEGIN PKCS7-----\nMIAG\n-----END PKCS7-----\n", OCTETS, "x", "application/pkcs7-signature"),
        (OLE, OCTETS, "ofício.doc", "application/msword"),
        (OLE, "application/vnd.ms-outlook", "mensagem", "application/vnd.ms-outlook"),
        (OLE + "WordDocument".encode("utf-16-le"), OCTETS, "x", "application/msword"),
        (OLE, OCTETS, "x", "application/x-ole-storage"),
        (MP4, OCTETS, "audiência", "video/mp4"),
        (MP3, OCTETS, "áudio", "audio/mpeg"),
        (b"<?xpacket begin='' ?>\n" + PDF, OCTETS, "x", "application/pdf"),
        (b"<!-- proxy -->\n" + PDF, OCTETS, "x.pdf", "application/pdf"),
        (b"BM da Silva, brasileiro, casado. " * 9, OCTETS, "x", OCTETS),
        (b"ID3 Vistos.", "text/plain", "x", "text/plain"),
        (b"The free and the wide", "text/plain", "x", "text/plain"),
        (b"The wide and the free", "text/plain", "x", "text/plain"),
        (b"OggSilva, advogado", "text/plain", "x", "text/plain"),
        (b"BZhang, perito", "text/plain", "x", "text/plain"),
        (bytes(700) + MP3, OCTETS, "x.mp3", "audio/mpeg"),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat" + bytes(20), OCTETS, "x.mov", "video/quicktime"),
    ],
)
async def test_the_kind_without_a_listed_one(body: bytes, header: str, name: str, expected: str) -> None:
    assert await accepted(body, Expected(None, None, name), header) == expected


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("x.docx", DOCX_TYPE, "x.docx"),
        ("x", DOCX_TYPE, "x.docx"),
        ("procuração.p7s", "application/pkcs7-signature", "procuração.p7s"),
        ("foto.jpeg", "image/jpeg", "foto.jpeg"),
        ("página.HTM", "text/html", "página.HTM"),
        ("áudio.opus", "audio/ogg", "áudio.opus"),
        ("planilha", XLSX_TYPE, "planilha.xlsx"),
    ],
)
def test_a_file_is_called_what_it_is(name: str, kind: str, expected: str) -> None:
    assert download_name(name, kind) == expected


@pytest.mark.parametrize(
    ("body", "expected", "kind"),
    [
        (JPEG, Expected(None, "image/png"), "image/jpeg"),
        (MP3, Expected(None, "audio/ogg"), "audio/mpeg"),
        (OLE, Expected(None, DOCX_TYPE), "application/x-ole-storage"),
        (RTF, Expected(None, "application/msword"), "application/rtf"),
        (SIGNED, Expected(None, "application/pdf"), "application/pkcs7-signature"),
        (PDF, Expected(None, "application/pkcs7-signature"), "application/pdf"),
        (SEVEN_ZIP, Expected(None, "application/zip"), "application/x-7z-compressed"),
        (PDF, Expected(None, None, "petição.docx"), "application/pdf"),
        (PDF, Expected(None, None, "Decisão.html"), "application/pdf"),
        (JPEG, Expected(None, None, "foto.png"), "image/jpeg"),
    ],
)
async def test_what_people_mix_up_is_accepted_as_what_it_is_when_it_comes_again(
    body: bytes, expected: Expected, kind: str
) -> None:
    error, again = await doubted(body, expected)

    assert (error.code, again) == (ErrorCode.CONTENT_MISMATCH, kind)


@pytest.mark.parametrize(
    ("body", "promised", "kind"),
    [
        (PDF, "image/jpeg", "application/pdf"),
        (PNG, "application/pdf", "image/png"),
        (RTF, "application/pdf", "application/rtf"),
        (MP4, "application/zip", "video/mp4"),
        (PDF, "text/html", "application/pdf"),
        (PDF, "application/json", "application/pdf"),
        (DOCX, "text/plain", DOCX_TYPE),
        (PAGE, "text/csv", "text/html"),
    ],
)
@pytest.mark.parametrize("has_other_size", [False, True])
async def test_another_kind_than_the_listed_one_is_called_what_it_is(
    body: bytes, promised: str, kind: str, *, has_other_size: bool
) -> None:
    promise = Expected(len(body) + 1 if has_other_size and body is not PAGE else len(body), promised)

    assert (await doubted(body, promise))[1] == kind
    assert ContentFlag.TYPE_MISMATCH in await flags_of(body, promise)


async def test_a_header_that_the_bytes_do_not_bear_out_is_no_kind() -> None:
    assert await accepted(b"Vistos, etc.", NOTHING, "application/pdf") == OCTETS
