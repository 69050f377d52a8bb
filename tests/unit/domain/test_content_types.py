"""Which charsets of a portal's header are believed."""

import pytest

from service.domain.content_types import charset_of, content_type


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("text/html;charset=UTF-8", "UTF-8"),
        ("text/html; charset=iso-8859-1", "iso-8859-1"),
        ('text/html; Charset = "windows-1252"', "windows-1252"),
        ("text/html; boundary=x; CHARSET=utf-16le ; x=y", "utf-16le"),
        ("text/html; charset=utf-8; charset=latin1", "utf-8"),
        ("text/plain;charset=ISO_8859-1:1987", "ISO_8859-1:1987"),
    ],
)
def test_a_charset_is_kept_as_it_is_written(header: str, expected: str) -> None:
    assert charset_of(header) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        '"',
        '""',
        "utf-8 x",
        'utf-8"',
        '"utf-8',
        "'utf-8'",
        "utf-8\r\nX-Evil: 1",
        "utf-8\n",
        "utf-8,latin1",
        "u" * 41,
        "u" * 4096,
        "útf-8",
        "-utf",
        "utf=8",
        "%0d%0a",
        "utf\x008",
        '" ; charset=utf-8',
    ],
)
def test_what_is_no_name_is_dropped(value: str) -> None:
    assert charset_of(f"text/html; charset={value}") is None
    assert charset_of(f"text/html; charset={value}; charset=utf-8") is None


@pytest.mark.parametrize("header", ["", "text/html", "charset=utf-8", "text/html; xcharset=utf-8", "text/html; utf-8"])
def test_a_header_without_a_charset_has_none(header: str) -> None:
    assert charset_of(header) is None


def test_a_file_without_a_charset_has_its_kind_alone() -> None:
    assert content_type("text/html", None) == "text/html"
    assert content_type("text/html", "UTF-8") == "text/html; charset=UTF-8"
