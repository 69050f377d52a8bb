"""Case numbers: what is accepted, what is refused, and that typing errors are detected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from tests.support.numbers import with_check_digits

MASKED = "0000001-39.2024.8.26.0100"
DIGITS = "00000013920248260100"


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text(alphabet="0123456789", min_size=length, max_size=length)


NUMBERS = st.builds(
    with_check_digits,
    digits(7),
    digits(4),
    st.builds("{}{}".format, st.integers(1, 9), digits(2)),
    digits(4),
)


@pytest.mark.parametrize("text", [MASKED, DIGITS])
def test_both_ways_to_write_a_number_give_the_same_value(text: str) -> None:
    number = ProcessNumber.parse(text)

    assert (number.digits, number.masked) == (DIGITS, MASKED)


@pytest.mark.parametrize("around", [" ", "\n", "\r\n", "\t", "\N{NO-BREAK SPACE}"])
def test_white_space_around_a_number_is_left_out(around: str) -> None:
    for text in (f"{MASKED}{around}", f"{around}{DIGITS}", f"{around}{MASKED}{around}"):
        assert ProcessNumber.parse(text).digits == DIGITS


@pytest.mark.parametrize(
    "text",
    [
        "0000123-06.2023.4.03.6100",
        "0100000-57.2022.5.02.0001",
        "7654321-71.2021.8.19.0001",
        "0000001-56.2024.1.00.0000",
        "0000002-65.2005.4.05.8100",
    ],
)
def test_numbers_of_every_segment_are_accepted(text: str) -> None:
    assert ProcessNumber.parse(text).masked == text


@pytest.mark.parametrize(
    "text",
    [
        "0001234-56.2023.8.26.0000",
        "9999999-99.9999.9.99.9999",
        "0000001-38.2024.8.26.0100",
        # Congruent to 97 and to 02, so the remainder is right; but the formula never gives them.
        "0000094-99.2024.8.26.0100",
        "0000023-00.2024.8.26.0100",
        "0000001-39.2024.8.26.0001",
    ],
)
def test_wrong_check_digits_are_refused_and_named(text: str) -> None:
    with pytest.raises(InvalidProcessNumber, match="check digits"):
        ProcessNumber.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        DIGITS[:-1],
        f"{DIGITS}0",
        f"0{DIGITS}",
        MASKED[:-1],
        f"{MASKED}0",
        f"{MASKED} {MASKED}",
        MASKED.replace("-", " -"),
        f"{MASKED}\u200b",
        MASKED.replace("-", "").replace(".", "-", 1),
        "0000001392024.8.26.0100",
        "0000001-39-2024.8.26.0100",
        "0000001.39.2024.8.26.0100",
        "000000A-39.2024.8.26.0100",
        "0000001-39.2024.8.26.01OO",
        "00000000000000000000",
        "0000000-00.0000.0.00.0000",
        "-0000001392024826010",
        "+0000001392024826010",
        "0000001_3920248260100",
        "0000001\x0039.2024.8.26.0100",
        "²" * 20,
        "' OR '1'='1",
        f"{MASKED}'; DROP TABLE processes; --",
        f"{DIGITS}%",
        "../../etc/passwd",
        "9" * 10_240,
        "\U0001d7ce" * 20,
    ],
)
def test_what_is_not_written_as_a_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidProcessNumber, match="20 digits"):
        ProcessNumber.parse(text)


@pytest.mark.parametrize("text", [MASKED, DIGITS])
@pytest.mark.parametrize("zero", ["\N{FULLWIDTH DIGIT ZERO}", "\N{ARABIC-INDIC DIGIT ZERO}"])
def test_a_digit_of_another_script_is_refused_at_every_place(text: str, zero: str) -> None:
    for place, digit in enumerate(text):
        if digit.isdigit():
            with pytest.raises(InvalidProcessNumber, match="20 digits"):
                ProcessNumber.parse(f"{text[:place]}{chr(ord(zero) + int(digit))}{text[place + 1 :]}")


def test_the_refusal_never_repeats_what_was_sent() -> None:
    with pytest.raises(InvalidProcessNumber) as refused:
        ProcessNumber.parse("<script>" * 100)

    assert "script" not in str(refused.value)


@given(NUMBERS)
def test_every_computed_number_is_accepted_in_both_forms(masked: str) -> None:
    number = ProcessNumber.parse(masked)

    assert number.masked == masked
    assert ProcessNumber.parse(number.digits) == number


@given(NUMBERS, st.integers(0, 19), st.integers(1, 9))
def test_a_single_wrong_digit_is_always_noticed(masked: str, place: int, shift: int) -> None:
    right = ProcessNumber.parse(masked).digits
    wrong = f"{right[:place]}{(int(right[place]) + shift) % 10}{right[place + 1 :]}"

    with pytest.raises(InvalidProcessNumber):
        ProcessNumber.parse(wrong)


@given(NUMBERS, st.integers(0, 18))
def test_two_neighbouring_digits_in_the_wrong_order_are_always_noticed(masked: str, place: int) -> None:
    right = ProcessNumber.parse(masked).digits
    wrong = f"{right[:place]}{right[place + 1]}{right[place]}{right[place + 2 :]}"

    if wrong != right:
        with pytest.raises(InvalidProcessNumber):
            ProcessNumber.parse(wrong)


@given(st.text())
def test_any_other_text_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(InvalidProcessNumber):
        ProcessNumber.parse(text)
