"""The characters of a listing: a broken one is replaced, and the case is read."""

import msgspec
import pytest

from service.domain.listings import ListedDocument
from service.domain.process_number import ProcessNumber
from service.portal.errors import Unavailable
from service.portal.listing import parse_listing
from tests.support.database.listings import NUMBER, case, document, stage

ANSWER = msgspec.json.encode([case(stage(document(nome="Petição inicial.pdf", tipo={"nome": "Sentença"})))])


def listed(answer: bytes, charset: str | None = None) -> ListedDocument:
    """The one document of an answer."""
    (found,) = parse_listing(answer, ProcessNumber.parse(NUMBER), charset=charset).documents
    return found


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"Peti\\ud800\xc3\xa7\xc3\xa3o", "Petição"),
        (b"Peti\\udc00\xc3\xa7\xc3\xa3o", "Petição"),
        (b"Peti\\u00e7\\u00e3o \\ud83d", "Petição"),
        (b"Peti\xc3\xa7\xc3\xa3o\tinicial", "Petição inicial"),
        (b"Peti\xc3\xa7\xc3\xa3o\ninicial", "Petição inicial"),
        (b"Peti\xc3\xa7\xc3\xa3o\x01", "Petição"),
        (b"Peti\xc3\xa7\xc3\xa3o\\u0000", "Petição"),
        (b"Peti\xc3\xa7\xc3\xa3o \xff", "Petição \ufffd"),
        (b"Peti\xc3\xa7\xc3\xa3o \xc3", "Petição \ufffd"),
        (b"Peti\xc3\xa7\xc3\xa3o \xed\xa0\x80", "Petição \ufffd\ufffd\ufffd"),
    ],
)
def test_a_broken_character_costs_itself(written: bytes, expected: str) -> None:
    found = listed(ANSWER.replace("Petição inicial.pdf".encode(), written))

    assert (found.name, found.type) == (expected, "Sentença")


@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        ("utf-8", None),
        ("utf-8", "UTF-8"),
        ("utf-8", "ISO-8859-1"),
        ("utf-8", "unheard-of"),
        ("utf-8-sig", None),
        ("latin-1", "ISO-8859-1"),
        ("latin-1", None),
        ("latin-1", "utf8"),
        ("latin-1", "unheard-of"),
        ("cp1252", "windows-1252"),
        ("utf-16", None),
        ("utf-16-le", "utf-16le"),
        ("utf-16-be", None),
    ],
)
def test_the_answer_is_read_in_its_encoding(encoding: str, charset: str | None) -> None:
    found = listed(ANSWER.decode().encode(encoding), charset)

    assert (found.name, found.type) == ("Petição inicial.pdf", "Sentença")


@pytest.mark.parametrize("cut", range(0, 300, 23))
@pytest.mark.parametrize("broken", [b"\\ud800", b"\t", b"\xff"])
def test_an_answer_that_is_cut_short_is_not_repaired(cut: int, broken: bytes) -> None:
    answer = ANSWER.replace(b"inicial", broken)

    with pytest.raises(Unavailable):
        listed(answer[: len(answer) - 1 - cut])
