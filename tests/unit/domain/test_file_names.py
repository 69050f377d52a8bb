"""Names in the object store, names of downloads, and the header that carries them."""

import re
import unicodedata

import pytest
from aiohttp import content_disposition_filename, parse_content_disposition
from hypothesis import example, given
from hypothesis import strategies as st

from service.domain.file_names import EXTENSIONS, archived_name, content_disposition, download_name, safe_name

PDF = "application/pdf"
NAMES = st.text(max_size=1200) | st.text(alphabet="./\\ -_aé\0\u202e", max_size=300)
TYPES = st.sampled_from([*EXTENSIONS, "application/octet-stream", "video/x-unheard-of"])


@pytest.mark.parametrize(
    ("name", "mime_type", "expected"),
    [
        ("Petição inicial.pdf", PDF, "Peticao-inicial.pdf"),
        ("0.1 PROCURAÇÃO.PDF", PDF, "0.1-PROCURACAO.pdf"),
        ("Certidão Trânsito em Julgado", "text/html", "Certidao-Transito-em-Julgado.html"),
        ("Decisão.html", PDF, "Decisao.html.pdf"),
        ("laudo.exe", PDF, "laudo.exe.pdf"),
        ("Documento 1º (2ª via).pdf", PDF, "Documento-1o-2a-via.pdf"),
        ("../../etc/passwd", PDF, "etc-passwd.pdf"),
        ("..\\..\\windows\\system32", PDF, "windows-system32.pdf"),
        ("/absolute/name.pdf", PDF, "absolute-name.pdf"),
        ("a\0b.pdf", PDF, "a-b.pdf"),
        ("fatura\u202efdp.exe", PDF, "faturafdp.exe.pdf"),
        ("", PDF, "documento.pdf"),
        (".", PDF, "documento.pdf"),
        ("....", PDF, "documento.pdf"),
        (".pdf", PDF, "pdf.pdf"),
        (".htaccess", "application/octet-stream", "htaccess"),
        ("判決", PDF, "documento.pdf"),
        ("判決.docx", "application/octet-stream", "documento.docx"),
        ("notas.tar.gz", "application/octet-stream", "notas.tar.gz"),
        ("x" * 1000 + ".pdf", PDF, "x" * 100 + ".pdf"),
        ("x" * 1000, "application/octet-stream", "x" * 100),
        ("x" * 99 + ". y.pdf", PDF, "x" * 99 + ".pdf"),
        ("áudio da audiência.mp3", "audio/mpeg", "audio-da-audiencia.mp3"),
    ],
)
def test_a_safe_name(name: str, mime_type: str, expected: str) -> None:
    assert safe_name(name, mime_type) == expected


@given(NAMES, TYPES)
@example("." * 1000, PDF)
@example("-." * 500 + "a", PDF)
@example("ﷺ" * 1000, PDF)
def test_a_safe_name_is_short_and_plain_whatever_the_portal_says(name: str, mime_type: str) -> None:
    made = safe_name(name, mime_type)

    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,107}", made)
    assert made.endswith(EXTENSIONS.get(mime_type, ""))


@pytest.mark.parametrize(
    ("name", "mime_type", "expected"),
    [
        ("Petição inicial.pdf", PDF, "Petição inicial.pdf"),
        ("Petição inicial.PDF", PDF, "Petição inicial.PDF"),
        ("Ofício nº 12/2024", PDF, "Ofício nº 12-2024.pdf"),
        ("a\\b", "text/html", "a-b.html"),
        ("Sentença.rtf", "application/rtf", "Sentença.rtf"),
        ("..", PDF, "documento.pdf"),
        ("", "application/octet-stream", "documento"),
        (".bashrc", "application/octet-stream", "bashrc"),
        ("é" * 1000 + ".pdf", PDF, "é" * 150 + ".pdf"),
    ],
)
def test_a_download_keeps_its_own_name(name: str, mime_type: str, expected: str) -> None:
    assert download_name(name, mime_type) == expected


@given(NAMES, TYPES)
def test_a_download_never_names_a_directory_or_a_hidden_file(name: str, mime_type: str) -> None:
    made = download_name(name, mime_type)

    assert made
    assert not made.startswith(".")
    assert not set(made) & set("/\\\r\n\0\u202e\u2066")
    assert not {unicodedata.category(each) for each in made} & {"Cc", "Zl", "Zp"}
    assert len(made) <= 156


@pytest.mark.parametrize(
    ("name", "mime_type", "expected"),
    [
        ("Petição inicial.pdf", PDF, "0007 - Petição inicial.pdf"),
        ("Petic\u0327a\u0303o inicial", PDF, "0007 - Petição inicial.pdf"),
        ("Decisão.html", PDF, "0007 - Decisão.html.pdf"),
        ("../../etc/passwd", PDF, "0007 - -..-etc-passwd.pdf"),
        ("C:\\autoexec.bat", "application/octet-stream", "0007 - C--autoexec.bat"),
        ("CON", PDF, "0007 - CON.pdf"),
        ('a<b>c:d"e|f?g*h', PDF, "0007 - a-b-c-d-e-f-g-h.pdf"),
        ("fatura\u202efdp.exe", PDF, "0007 - faturafdp.exe.pdf"),
        ("linha\r\num\u2028dois\0\x1b[0m", "text/html", "0007 - linha um dois[0m.html"),
        ("Ofício  nº 1 . . .pdf", PDF, "0007 - Ofício nº 1.pdf"),
        ("fim. ", "application/octet-stream", "0007 - fim"),
        ("", PDF, "0007 - documento.pdf"),
        ("\u200b\u202e", PDF, "0007 - documento.pdf"),
        ("\ud800", PDF, "0007 - documento.pdf"),
        ("é" * 1000 + ".pdf", PDF, "0007 - " + "é" * 94 + ".pdf"),
        ("判" * 1000, PDF, "0007 - " + "判" * 63 + ".pdf"),
    ],
)
def test_a_name_in_an_archive(name: str, mime_type: str, expected: str) -> None:
    assert archived_name(name, mime_type, 7) == expected


@given(NAMES, TYPES, st.integers(1, 99_999))
@example("<\u0338", PDF, 1)
@example("e\u200d\u0301", PDF, 1)
@example("a" * 189 + "\U0001f600", PDF, 1)
def test_a_name_in_an_archive_can_be_extracted_anywhere(name: str, mime_type: str, place: int) -> None:
    made = archived_name(name, mime_type, place)

    assert re.fullmatch(r'[0-9]{4,5} - [^<>:"/\\|?*]*[^<>:"/\\|?* .]', made)
    assert made.isprintable()
    assert len(made.encode()) <= 200
    assert unicodedata.normalize("NFC", made) == made


def test_names_in_an_archive_differ_however_they_are_compared() -> None:
    alike = [
        "Decisão.pdf",
        "decisão.pdf",
        "DECISÃO.PDF",
        "Decisa\u0303o.pdf",
        "Decisão\u200b.pdf",
        "Decisão .pdf",
    ] * 900

    names = [archived_name(name, PDF, place) for place, name in enumerate(alike, 1)]

    assert len({unicodedata.normalize("NFKD", name).casefold() for name in names}) == len(alike)
    assert names == sorted(names)


def read_as_a_client(header: str) -> tuple[str | None, str | None]:
    """The disposition and the file name that a client finds."""
    disposition, parameters = parse_content_disposition(header)
    return disposition, content_disposition_filename(parameters)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        (
            "Petição inicial.pdf",
            "attachment; filename=\"Peticao inicial.pdf\"; filename*=UTF-8''Peti%C3%A7%C3%A3o%20inicial.pdf",
        ),
        ('a"b.pdf', "attachment; filename=\"a_b.pdf\"; filename*=UTF-8''a%22b.pdf"),
        ("\ud800.pdf", "attachment; filename=\".pdf\"; filename*=UTF-8''%3F.pdf"),
        ("a;b.pdf", "attachment; filename=\"a_b.pdf\"; filename*=UTF-8''a%3Bb.pdf"),
        ("a\r\nX-Evil: 1.pdf", "attachment; filename=\"a__X-Evil: 1.pdf\"; filename*=UTF-8''a%0D%0AX-Evil%3A%201.pdf"),
        ("100%.pdf", "attachment; filename=\"100_.pdf\"; filename*=UTF-8''100%25.pdf"),
        ("判決", "attachment; filename=\"documento\"; filename*=UTF-8''%E5%88%A4%E6%B1%BA"),
    ],
)
def test_the_header_of_a_download(name: str, header: str) -> None:
    assert content_disposition(name) == header


@given(st.text(min_size=1, max_size=300))
@example('"; filename="other.exe')
@example("a\r\n\r\n<html>")
@example("\ud800.pdf")
@example("\\")
def test_a_name_cannot_leave_its_place_in_the_header(name: str) -> None:
    header = content_disposition(name)

    assert re.fullmatch(
        r"attachment; filename=\"[ !#$&-\[\]-~]+\"; filename\*=UTF-8''(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+", header
    )
    assert read_as_a_client(header)[0] == "attachment"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_a_client_of_rfc_6266_gets_the_name_back_exactly(name: str) -> None:
    assert read_as_a_client(content_disposition(name)) == ("attachment", name)
