"""Sentences in place of a document, in every kind of file, and documents of which a part is missing."""

import zlib

import pytest

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from tests.support.contents import (
    DOCX,
    DOCX_TYPE,
    JPEG,
    NOTHING,
    OCTETS,
    ODT,
    PDF,
    PNG,
    RTF,
    SIGNED,
    accepted,
    doubted,
    flags_of,
    refused,
)
from worker.downloads.inspection import Expected

PDF_TYPE = "application/pdf"
SENTENCES = [
    "Documento não disponível",
    "Documento nao localizado.",
    "O arquivo não foi encontrado",
    "Arquivo não disponível no momento",
    "DOCUMENTO SIGILOSO",
    "Documento em processamento",
    "Conteúdo indisponível",
    "Acesso restrito às partes",
    "Processo em segredo de justiça",
    "Sessão expirada",
    "Faça login para continuar",
    "Erro ao gerar documento",
    "Não foi possível gerar o documento",
    "Tente novamente mais tarde",
    "Document not available",
    "null",
    "undefined",
    "[object Object]",
]
DOCUMENTS = [
    "Certidão: certifico que o documento não foi localizado nos autos.",
    "Vistos. Documento não disponível às fls. 3. Intime-se.",
    "O documento foi juntado.",
    "Nada a declarar.",
    "Documento não disponível " + "na data da audiência, conforme ofício anexo. " * 5,
]


def pdf(text: str, *, compressed: bool = False) -> bytes:
    """A PDF file of one page with this text."""
    content = b"BT /F1 12 Tf 50 700 Td (" + text.replace("(", r"\(").encode("cp1252") + b") Tj ET"
    content = zlib.compress(content) if compressed else content
    return (
        b"%PDF-1.4\n4 0 obj<</Length " + str(len(content)).encode() + b">>stream\n" + content + b"\nendstream\n%%EOF\n"
    )


def page(text: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>{text}</title></head><body><p>{text}</p></body></html>".encode()


@pytest.mark.parametrize("sentence", SENTENCES)
async def test_a_sentence_in_place_of_a_document_is_never_accepted(sentence: str) -> None:
    text = sentence.encode()
    bodies = (text, text.upper(), b"\xef\xbb\xbf " + text, b'"%b"' % text, sentence.encode("cp1252", "ignore"))
    for body in bodies:
        for expected in (NOTHING, Expected(None, "text/plain"), Expected(900, "text/plain"), Expected(None, PDF_TYPE)):
            await refused(body, expected, "text/plain")
    for body in (page(sentence), f"<div>{sentence}</div>".encode(), f"<p><b>{sentence}</b></p>\n".encode("utf-16")):
        for expected in (NOTHING, Expected(None, "text/html"), Expected(900, "text/html"), Expected(None, PDF_TYPE)):
            await refused(body, expected, "text/html")
    for body in (pdf(sentence), pdf(sentence, compressed=True)):
        for expected in (NOTHING, Expected(None, PDF_TYPE), Expected(90_000, PDF_TYPE)):
            assert (await refused(body, expected, PDF_TYPE)).code is ErrorCode.PORTAL_ANSWER_INVALID


@pytest.mark.parametrize("sentence", SENTENCES)
async def test_a_sentence_of_the_listed_size_is_the_document(sentence: str) -> None:
    text = sentence.encode()

    assert await accepted(text, Expected(len(text), "text/plain"), "text/plain") == "text/plain"
    assert await accepted(pdf(sentence), Expected(len(pdf(sentence)), PDF_TYPE), PDF_TYPE) == PDF_TYPE


@pytest.mark.parametrize("text", DOCUMENTS)
async def test_a_short_document_of_a_court_is_accepted(text: str) -> None:
    assert await accepted(text.encode(), Expected(None, "text/plain"), "text/plain") == "text/plain"
    assert await accepted(pdf(text, compressed=True), NOTHING, PDF_TYPE) == PDF_TYPE
    _, kind = await doubted(page(text), Expected(None, "text/html"), "text/html")
    assert kind == "text/html"


@pytest.mark.parametrize(
    "body",
    [b'{"sucesso":false}', b'{"success":false,"data":null}', b'{"documento":null}', b"null", b'{"a":null,"b":null}'],
)
@pytest.mark.parametrize("listed", [None, "application/json", "text/plain", PDF_TYPE])
async def test_json_that_says_no_is_never_accepted(body: bytes, listed: str | None) -> None:
    await refused(body, Expected(None, listed), "application/json")


def mp4(*sizes: int) -> bytes:
    boxes = [
        (size + 8).to_bytes(4, "big") + name + b"x" * size for name, size in zip((b"moov", b"mdat"), sizes, strict=True)
    ]
    return b"\0\0\0\x18ftypmp42" + bytes(12) + b"".join(boxes)


LARGE = b"\0\0\0\1mdat" + (5016).to_bytes(8, "big") + b"x" * 5000
LINEARISED = b"%%PDF-1.4\n1 0 obj\n<< /Linearized 1 /L %d /H [1 2] >>\n%%%%EOF\n"
LINEAR = LINEARISED % 1500 + b"x" * (1500 - len(LINEARISED % 1500) - 6) + b"%%EOF\n"
WHOLE = {
    "pdf": (PDF, PDF_TYPE),
    "linearised pdf": (LINEAR, PDF_TYPE),
    "docx": (DOCX, DOCX_TYPE),
    "odt": (ODT, "application/vnd.oasis.opendocument.text"),
    "rtf": (RTF, "application/rtf"),
    "png": (PNG, "image/png"),
    "jpeg": (JPEG, "image/jpeg"),
    "p7s": (SIGNED, "application/pkcs7-signature"),
    "mp4": (mp4(900, 5000), "video/mp4"),
    "mp4 with a large box": (b"\0\0\0\x18ftypmp42" + bytes(12) + LARGE, "video/mp4"),
    "xml": (b"<?xml version='1.0'?><nota><n>1</n><v>" + b"2" * 500 + b"</v></nota>", "application/xml"),
    "empty element": (b"<?xml version='1.0'?><!-- none --><nota xmlns='x'/>", "application/xml"),
}


@pytest.mark.parametrize(("body", "kind"), WHOLE.values(), ids=WHOLE.keys())
async def test_a_whole_document_is_accepted_with_what_systems_append(body: bytes, kind: str) -> None:
    for end in (b"", b"\r\n", bytes(700) if kind != "application/xml" else b" "):
        assert await accepted(body + end, Expected(None, kind)) == kind


@pytest.mark.parametrize(("body", "kind"), WHOLE.values(), ids=WHOLE.keys())
@pytest.mark.parametrize("missing", [0.5, 9])
async def test_a_part_that_http_calls_whole_is_doubted_and_flagged(body: bytes, kind: str, missing: float) -> None:
    kept = int(len(body) * missing) if missing < 1 else len(body) - int(missing)

    error, _ = await doubted(body[:kept], Expected(None, kind))

    assert error.code is ErrorCode.TRUNCATED
    assert await flags_of(body[:kept], Expected(None, kind)) == (ContentFlag.NO_END,)


@pytest.mark.parametrize("subtype", ["mixed", "byteranges", "x-mixed-replace"])
async def test_an_answer_in_several_parts_is_refused(subtype: str) -> None:
    body = b"--b\r\nContent-Type: application/pdf\r\n\r\n" + PDF + b"\r\n--b--\r\n"

    for expected in (NOTHING, Expected(None, PDF_TYPE)):
        error = await refused(body, expected, f"multipart/{subtype}; boundary=b")
        assert error.code is ErrorCode.PORTAL_ANSWER_INVALID


@pytest.mark.parametrize("body", [bytes(500), b" \0\r\n" * 9])
async def test_bytes_without_any_content_are_no_document(body: bytes) -> None:
    assert (await refused(body, NOTHING, OCTETS)).code is ErrorCode.EMPTY_DOCUMENT
