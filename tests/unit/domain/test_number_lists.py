"""Case numbers in pasted text."""

import pytest

from service.domain.number_lists import numbers_in

FIRST, SECOND = "0000123-06.2023.4.03.6100", "0000001-39.2024.8.26.0100"
DIGITS = "00001230620234036100"


@pytest.mark.parametrize(
    "text",
    [
        FIRST,
        DIGITS,
        f"  {FIRST}  ",
        f"{FIRST}\n{FIRST}\n{DIGITS}",
        f"numero\n{FIRST}",
        f'"{FIRST}","Ação de Cobrança",1.234,56',
        f"Prezada, segue o processo nº {FIRST}. Atenciosamente",
        f"({DIGITS});",
        "processo 0000123 06 2023 4 03 6100 hoje",
        "0000123-06.20234.03.6100",
        f"\ufeff{FIRST}\r\n",
        f"1\t{FIRST}\t12/03/2024",
    ],
)
def test_a_number_is_found_wherever_it_stands(text: str) -> None:
    found = numbers_in(text)

    assert [number.masked for number in found.numbers] == [FIRST]
    assert found.refused == ()


@pytest.mark.parametrize("parting", ["\n", "\r\n", ", ", ";", "\t", " ", "\n\n", " e "])
def test_many_are_found_in_their_order(parting: str) -> None:
    assert [number.masked for number in numbers_in(f"{SECOND}{parting}{FIRST}").numbers] == [SECOND, FIRST]


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("0000123-07.2023.4.03.6100", "0000123-07.2023.4.03.6100"),
        ("0000123-06.2023.4.03.610", "0000123-06.2023.4.03.610"),
        ("000012306202340361001", "000012306202340361001"),
        ("processo 0000123 07 2023 4 03 6100 hoje", "0000123 07 2023 4 03 6100"),
        ("1" * 500, "1" * 60),
    ],
)
def test_what_looks_like_a_number_and_is_none_is_told(text: str, refused: str) -> None:
    found = numbers_in(text)

    assert (found.numbers, found.refused) == ((), (refused,))


@pytest.mark.parametrize("text", ["", "\n\n", "número do processo", "12/03/2024", "R$ 1.234,56", "(11) 91234-5678"])
def test_other_rows_are_skipped(text: str) -> None:
    assert numbers_in(text) == numbers_in("")


def test_a_hostile_text_takes_little_time() -> None:
    assert numbers_in("1-" * 200_000 + "\n" + "1 " * 200_000).numbers == ()
