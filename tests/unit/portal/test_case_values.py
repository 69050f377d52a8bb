"""Single values of the case as data: amounts, texts, times. Any of them may be of another type."""

from typing import Any

import pytest

from service.portal.case.values import PROSE_LENGTH, label, money, prose


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        (11092500.0, 11092500.0),
        (0, 0.0),
        (12, 12.0),
        ("11.092.500,00", 11092500.0),
        ("R$ 1.000,00", 1000.0),
        ("R$\xa01.000,50", 1000.5),
        ("r$1.000", 1000.0),
        ("BRL 1,000.25", 1000.25),
        ("1000.5", 1000.5),
        ("1234.567", 1234.567),
        ("1.234", 1234.0),
        ("0,01", 0.01),
        ({"valor": "10,5"}, 10.5),
        (None, None),
        ("", None),
        ("não informado", None),
        (-1, None),
        ("-1.000,00", None),
        (True, None),
        (float("inf"), None),
        (float("nan"), None),
        (10**400, None),
        ("9" * 400, None),
        ("1e400", None),
        ("NaN", None),
        ("1,2,3", None),
        ("٣", None),
        ([], None),
        ([1], None),
    ],
)
def test_an_amount_is_read_in_every_form_and_nothing_else_is_one(written: Any, amount: float | None) -> None:
    assert money(written) == amount


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("Juntada de Peti&ccedil;&atilde;o", "Juntada de Petição"),
        ("<p>Conclusos <b>para</b>\n despacho</p>", "Conclusos para despacho"),
        ("&lt;b&gt;Ato&lt;/b&gt;", "Ato"),
        ("valor < 10 e > 5", "valor < 10 e > 5"),
        ("A & B", "A & B"),
        ("nulo\x00 e \x1b[31mcor\u202e", "nulo e [31mcor"),
        ("  dois   espaços\t", "dois espaços"),
        ("cafe\u0301", "café"),
        (26, "26"),
        (None, ""),
        (1.5, ""),
        ({"a": 1}, ""),
    ],
)
def test_a_description_is_plain_text(written: Any, text: str) -> None:
    assert prose(written) == text


@pytest.mark.parametrize("unit", ["x", "é", "&amp;", "<b>", "<", "\x00", " ", "\ud800"])
def test_a_description_of_a_megabyte_is_cut(unit: str) -> None:
    assert len(prose(unit * 1_000_000)) <= PROSE_LENGTH


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1a Vara", "1a Vara"),
        ({"id": 1, "nome": "1a Vara"}, "1a Vara"),
        ({"codigo": 7, "descricao": "Procedimento"}, "Procedimento"),
        ([{"nome": None}, {"nome": "1a Vara"}], "1a Vara"),
        ([["1a Vara"]], ""),
        ([], ""),
        (False, ""),
    ],
)
def test_a_name_may_be_written_as_an_object(written: Any, text: str) -> None:
    assert label(written) == text
