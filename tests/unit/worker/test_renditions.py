"""The text of a document as a second opinion on a web page that came instead of it."""

import pytest

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from tests.support.contents import NOTHING, PAGE, inspected
from worker.downloads.inspection import Doubted, Expected, Received, Rendition
from worker.downloads.inspection.rendition import Opinion

WORDS = (
    "Vistos. Trata-se de ação de cobrança movida por Ana contra a seguradora, que não pagou a indenização. "
    "A ré contestou e juntou documentos. O pedido é procedente, porque o contrato previa a cobertura."
)
DOCUMENT = f"<html><head><title>Sentença</title></head><body><p>{WORDS}</p></body></html>".encode()
UNKNOWN = (
    "<!doctype html><html><head><title>Perímetro</title></head><body><p>Este endereço passou pela inspeção do "
    "perímetro. Aguarde a liberação do administrador da rede.</p></body></html>"
).encode()
ENTITIES = WORDS.encode("ascii", "xmlcharrefreplace")


def rendition(text: bytes, refusal: ErrorCode | None = None) -> Rendition:
    return Rendition(text, refusal)


@pytest.mark.parametrize(
    ("page", "text", "opinion"),
    [
        (DOCUMENT, WORDS.encode(), Opinion.AFFIRMS),
        (DOCUMENT, WORDS.encode("latin-1"), Opinion.AFFIRMS),
        (DOCUMENT, WORDS.encode("utf-16"), Opinion.AFFIRMS),
        (DOCUMENT, WORDS.encode().decode("latin-1").encode(), Opinion.AFFIRMS),  # in the wrong encoding
        (DOCUMENT, WORDS.upper().encode(), Opinion.AFFIRMS),
        (DOCUMENT, f"Tribunal de Justiça\nProcesso 1, página 1\n{WORDS}".encode(), Opinion.AFFIRMS),
        (DOCUMENT, f"{WORDS} Valor < 100 reais".encode(), Opinion.AFFIRMS),
        (DOCUMENT, f"<div>{WORDS}</div>".encode(), Opinion.AFFIRMS),
        (b"<div>" + ENTITIES + b"</div>", WORDS.encode(), Opinion.AFFIRMS),
        (DOCUMENT.replace(b"<p>", b"<p>" + b"Vistos e relatados. " * 300), WORDS.encode(), Opinion.AFFIRMS),
        (UNKNOWN, WORDS.encode(), Opinion.CONTRADICTS),
        (UNKNOWN, UNKNOWN, Opinion.CONTRADICTS),
        (UNKNOWN, UNKNOWN.replace(b"Aguarde", b"Pedido 12345678. Aguarde"), Opinion.CONTRADICTS),
        (DOCUMENT, UNKNOWN, Opinion.NONE),  # another page, which has no text of the document
        (DOCUMENT, b"", Opinion.NONE),
        (DOCUMENT, b"Anexo sem texto", Opinion.NONE),
        (DOCUMENT, b"12 de 03 ... -- 7", Opinion.NONE),
    ],
)
def test_a_text_affirms_the_page_that_has_its_words(page: bytes, text: bytes, opinion: Opinion) -> None:
    assert rendition(text).opinion(page, is_whole=True) is opinion


@pytest.mark.parametrize(
    ("refusal", "opinion"),
    [
        (ErrorCode.PORTAL_PAGE, Opinion.CONTRADICTS),
        (ErrorCode.PORTAL_ANSWER_INVALID, Opinion.NONE),
        (ErrorCode.EMPTY_DOCUMENT, Opinion.NONE),
        (ErrorCode.CONTENT_MISMATCH, Opinion.NONE),
    ],
)
def test_what_is_no_text_says_nothing_but_a_known_page(refusal: ErrorCode, opinion: Opinion) -> None:
    assert rendition(WORDS.encode(), refusal).opinion(DOCUMENT, is_whole=True) is opinion


def test_a_start_without_words_is_compared_with_nothing() -> None:
    styles = b"<html><style>" + b"p.MsoNormal { margin: 0 }\n" * 1000

    assert rendition(WORDS.encode()).opinion(styles, is_whole=False) is Opinion.NONE


async def check(page: bytes, text: bytes | None, *before: Received, expected: Expected = NOTHING) -> object:
    """The flags of an accepted page, or the doubt."""
    inspection = await inspected(page, expected, before=before, text=None if text is None else rendition(text))
    inspection.detect_kind("text/html", len(page))
    try:
        return inspection.check_complete(len(page), is_framed=True)
    except Doubted as error:
        return error


async def seen(page: bytes, expected: Expected = NOTHING) -> Received:
    error = await check(page, None, expected=expected)
    assert isinstance(error, Doubted)
    assert error.received.is_page
    return error.received


@pytest.mark.parametrize("text", [None, WORDS.encode(), b""])
async def test_the_same_page_again_is_accepted_unless_its_text_speaks_against_it(text: bytes | None) -> None:
    assert await check(DOCUMENT, text, await seen(DOCUMENT)) == ()


@pytest.mark.parametrize("text", [WORDS.encode(), UNKNOWN])
@pytest.mark.parametrize("expected", [NOTHING, Expected(None, "text/html"), Expected(None, "application/pdf")])
async def test_a_page_that_is_always_the_same_is_no_document(text: bytes, expected: Expected) -> None:
    error = await check(UNKNOWN, text, await seen(UNKNOWN, expected), expected=expected)

    assert isinstance(error, Doubted)
    assert error.code is ErrorCode.PORTAL_PAGE


async def test_a_fragment_that_comes_twice_is_the_courts_whatever_its_text() -> None:
    fragment = "<div>Endereço em inspeção pelo administrador.</div>".encode()

    assert await check(fragment, WORDS.encode(), await seen(fragment)) == ()


async def test_a_page_of_the_promised_size_needs_no_second_opinion() -> None:
    assert await check(UNKNOWN, WORDS.encode(), expected=Expected(len(UNKNOWN), "text/html")) == ()


async def test_a_page_that_is_made_anew_is_the_document_where_its_text_says_so() -> None:
    first, second = (DOCUMENT.replace(b"</body>", b"Impresso as 10:0%d</body>" % n) for n in range(2))

    assert await check(second, WORDS.encode(), await seen(first)) == (ContentFlag.CHANGES_EACH_TIME,)
    assert isinstance(await check(second, None, await seen(first)), Doubted)
    assert isinstance(await check(PAGE, WORDS.encode(), await seen(first)), Doubted)
