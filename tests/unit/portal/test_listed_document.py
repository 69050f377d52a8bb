"""One document of a listing: members that are missing, odd or misleading."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.listings import Copy
from tests.support.database.listings import HREF, JSON, case, document, only, parse, stage, without


@pytest.mark.parametrize("missing", list(itertools.chain.from_iterable(itertools.combinations(document(), 1))))
def test_a_document_that_lacks_something_is_listed_all_the_same(missing: str) -> None:
    assert only(without(document(), missing)).copies


def test_missing_addresses_stay_missing() -> None:
    assert only(without(document(uuid="a"), "hrefBinario")).copies == (Copy("a", None, f"{HREF}/a/texto"),)
    assert only(without(document(uuid="a"), "hrefTexto")).copies == (Copy("a", f"{HREF}/a/binario", None),)
    assert only(document(hrefBinario="", hrefTexto=None)).copies == (Copy("100", None, None),)


@pytest.mark.parametrize("form", [" {}", "{}\n", "\t{} ", "\xa0{}"])
def test_space_around_an_address_is_left_out(form: str) -> None:
    href = f"{HREF}/a/binario"

    assert only(document(hrefBinario=form.format(href), hrefTexto=None)).copies == (Copy("a", href, None),)


@pytest.mark.parametrize("start", ["", "/api/v2/", "https://portal.example/api/v2/"])
def test_an_address_of_another_form_has_the_same_uuid(start: str) -> None:
    href = start + f"{HREF}/a/binario".removeprefix("/")

    assert only(document(hrefBinario=href, hrefTexto=None)).copies == (Copy("a", href, None),)


@pytest.mark.parametrize(
    "href", ["/a\0b", "/a b", "/a\r\nHost: x", "/é", "/" + "a" * 2000, 12, {"href": "/a"}, ["/a"], True]
)
def test_an_address_that_is_none_leads_nowhere(href: Any) -> None:
    assert only(document(hrefBinario=href, hrefTexto=None)).copies[0].binary_href is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Petição inicial.pdf", "Petição inicial.pdf"),
        ("Petic\u0327a\u0303o.pdf", "Petição.pdf"),
        ("a\0b\x07c\x85d", "abcd"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("fatura\u202efdp.exe", "faturafdp.exe"),
        ("\u2066left\u2069 \u200bzero\ufeff", "left zero"),
        ("line\u2028and\u2029paragraph", "lineandparagraph"),
        ("  spaces  ", "spaces"),
        ("x" * 5000, "x" * 1000),
        ("\0\u202e", "Sentença"),
        ("", "Sentença"),
        (None, "Sentença"),
        (["list"], "Sentença"),
        (12, "12"),
    ],
)
def test_a_name_cannot_lie_about_itself(name: Any, expected: str) -> None:
    assert only(document(nome=name, tipo={"nome": "Sentença"})).name == expected


def test_a_document_without_name_and_type_is_called_a_document() -> None:
    assert only(document(nome=None, tipo=None)).name == "Documento"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-01T09:10:11", datetime(2024, 2, 1, 12, 10, 11, tzinfo=UTC)),
        ("2024-02-01T09:10:11.6", datetime(2024, 2, 1, 12, 10, 11, 600_000, tzinfo=UTC)),
        ("2024-02-01T09:10:11.123456", datetime(2024, 2, 1, 12, 10, 11, 123_456, tzinfo=UTC)),
        ("2018-12-01T09:10:11", datetime(2018, 12, 1, 11, 10, 11, tzinfo=UTC)),  # daylight saving time, until 2019
        ("2024-02-01T09:10:11Z", datetime(2024, 2, 1, 9, 10, 11, tzinfo=UTC)),
        ("2024-02-01T09:10:11-05:00", datetime(2024, 2, 1, 14, 10, 11, tzinfo=UTC)),
        ("2024-02-01", datetime(2024, 2, 1, 3, tzinfo=UTC)),
        ("9999-12-31T23:59:59", None),
        ("0001-01-01T00:00:00+03:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00", None),
        ("1899-12-30T00:00:00", None),
        ("1900-01-01T00:00:00", None),
        ("1970-01-01T00:00:00", None),
        ("1970-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("1988-10-05T12:00:00", datetime(1988, 10, 5, 15, tzinfo=UTC)),
        ("2024-02-30T00:00:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1_759_668_901_713, datetime(2025, 10, 5, 12, 55, 1, 713_000, tzinfo=UTC)),
        ("1759668901", datetime(2025, 10, 5, 12, 55, 1, tzinfo=UTC)),
        (0, None),
        (9_999_999_999_999, None),
        ("01/02/2024", datetime(2024, 2, 1, 3, tzinfo=UTC)),
        ("01/02/2024 09:10:11", datetime(2024, 2, 1, 12, 10, 11, tzinfo=UTC)),
        (" 01/02/2024, 09:10 ", datetime(2024, 2, 1, 12, 10, tzinfo=UTC)),
        ("01-02-2024 às 09:10", datetime(2024, 2, 1, 12, 10, tzinfo=UTC)),
        ("31/02/2024", None),
        ("02/31/2024", None),
        ("01/02/0001 00:00:00", None),
        ("01/02/9999", None),
        ("01/02/24", None),
        ("20240201", datetime(2024, 2, 1, 3, tzinfo=UTC)),
        ([2024, 2, 1], None),
    ],
)
def test_a_time_without_offset_is_brasilia_time(text: Any, expected: datetime | None) -> None:
    filed_at = only(document(dataHoraJuntada=text)).filed_at

    assert filed_at == expected
    assert filed_at is None or filed_at.utcoffset() is not None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4096, 4096),
        ("4096", 4096),
        (4096.0, 4096),
        (25_863_261_740, 25_863_261_740),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (10**400, None),
        ("9" * 400, None),
        ("٤", None),
        (-1, None),
        (0, None),
        (1.5, None),
        (True, None),
        ("big", None),
        ([1], None),
        ({}, None),
        (None, None),
    ],
)
def test_a_size_is_a_number_that_the_database_can_keep(value: Any, expected: int | None) -> None:
    assert only(document(arquivo={"tamanho": value})).declared_size == expected


def test_a_count_of_pages_is_a_number_that_the_database_can_keep() -> None:
    pages = [only(document(arquivo={"quantidadePaginas": n})).page_count for n in (0, 12, 2**31 - 1, 2**31)]

    assert pages == [None, 12, 2**31 - 1, None]


@pytest.mark.parametrize("odd", [12, "text", ["list"], {"an": "object"}, True, 1.5])
@pytest.mark.parametrize(
    "field", ["sequencia", "dataHoraJuntada", "idOrigem", "nome", "nivelSigilo", "tipo", "arquivo", "hrefTexto"]
)
def test_one_odd_value_does_not_cost_the_document(field: str, odd: Any) -> None:
    found = only(document() | {field: odd})

    assert found.copies[0].binary_href == only(document()).copies[0].binary_href


@pytest.mark.parametrize(("value", "expected"), [("PUBLICO", "PUBLICO"), (1, "1"), (None, "")])
def test_the_secrecy_of_a_document_is_kept_as_the_portal_writes_it(value: Any, expected: str) -> None:
    assert only(document(nivelSigilo=value)).secrecy == expected


FIELDS = st.sampled_from(
    ["sequencia", "dataHoraJuntada", "idOrigem", "nome", "nivelSigilo", "tipo", "hrefBinario", "hrefTexto", "arquivo"]
)


@given(st.lists(st.dictionaries(FIELDS, JSON), max_size=6))
def test_no_document_is_lost_whatever_its_fields_hold(documents: list[dict[str, Any]]) -> None:
    entries = [{"hrefBinario": f"{HREF}/{n}/binario"} | each for n, each in enumerate(documents)]
    for number, entry in enumerate(entries):
        # Two entries of one list that have one address are one document.
        texts = {name for name in ("hrefBinario", "hrefTexto") if isinstance(entry.get(name), str)}
        entry |= {name: f"{entry[name]}{number}" for name in texts}

    found = parse([case(stage(*entries))]).documents

    # A value may look like further documents: a member called `autos`, for example, that has a list.
    assert len(found) >= len(entries)


@pytest.mark.parametrize("origin", [{}, {"idOrigem": "77"}])
def test_addresses_without_a_uuid_are_told_apart(origin: dict[str, Any]) -> None:
    hrefs = ["/arquivo/771", "/arquivo/772"]
    entries = [{"nome": "Anexo", "hrefBinario": href} | origin for href in hrefs]

    found = parse([case(stage(*entries))]).documents

    assert [each.copies[0].binary_href for each in found] == hrefs
