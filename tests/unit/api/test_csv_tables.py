"""The first column of a table, as spreadsheets and people write it, and tables that are safe to open."""

import contextlib
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.framework.csv_tables import Column, CsvError, first_column, table

ONE, TWO = "0000123-06.2023.4.03.6100", "01000005720225020001"


@pytest.mark.parametrize(
    "body",
    [
        f"{ONE}\n{TWO}\n",
        f"{ONE}\r\n{TWO}",
        f"{ONE}\r{TWO}\r",
        f"\n\n  {ONE}  \n\n\t\n{TWO}\n\n",
        f"numero\n{ONE}\n{TWO}",
        f"Número do processo;Cliente\n{ONE};Maria\n{TWO};João\n",
        f"processo1,cliente\n{ONE},Maria\n{TWO},João\n",
        f"Número\tCliente\n{ONE}\tMaria, José\n{TWO}\tJoão; e outros\n",
        f'"Processo, CNJ";"Cliente"\n"{ONE}";"Maria ""M"" da Silva"\n"{TWO}";"Rua A\nRua B"\n',
        f"sep=;\nProcesso;Valor\n{ONE};1.000,00\n{TWO};2.000,00\n",
        f'"sep=|"\r\n{ONE}|a\r\n{TWO}|b,c;d',
        f"=\"{ONE}\";x\n='{TWO}';y\n".replace("'", '"'),
        f"'{ONE}\n'{TWO}\n",
        f"{ONE};;\n;;\n{TWO};;\n",
        f"\xa0{ONE}\xa0\n{TWO} \n",
        f"{ONE}|1|a\n{TWO}|2|b\n",
        f'{ONE};12" de altura\n{TWO};x\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_numbers_are_found_however_the_table_is_written(body: str, encoding: str) -> None:
    found = first_column(body.encode(encoding))

    assert found.cells == (ONE, TWO)
    assert found.has_mark is (encoding == "utf-8-sig")


def test_a_charset_that_is_named_is_used() -> None:
    cells = first_column("Número;São\né;x\n".encode("iso-8859-1"), "ISO-8859-1").cells

    assert cells == ("é",)


@pytest.mark.parametrize(
    ("body", "cells"),
    [
        ("", ()),
        ("\ufeff", ()),
        ("numero\n", ()),
        ("\n;;\n", ()),
        ("123\nabc\n", ("123", "abc")),
        (f"{ONE}x\n", (f"{ONE}x",)),
        (f"numero\n{ONE}\n{ONE}\n", (ONE, ONE)),
        (f"numero;c\n;Maria\n{ONE};João\n", ("", ONE)),
        ("1,23E+19\n", ("1",)),
        ('"1,23E+19"\n', ("1,23E+19",)),
    ],
)
def test_only_a_header_and_empty_rows_are_left_out(body: str, cells: tuple[str, ...]) -> None:
    assert first_column(body.encode()).cells == cells


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (f'{ONE};"not closed\n{TWO};x\n'.encode(), None),
        (f'"{ONE}"x;y\n'.encode(), None),
        (b'"' + b"x" * 200_000 + b'"', None),
        (ONE.encode(), "no-such-charset"),
        ("é".encode("cp1252"), "utf-8"),
        (b"\xff\xfe\x00", None),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(body: bytes, charset: str | None) -> None:
    with pytest.raises(CsvError, match=r"\."):
        first_column(body, charset)


@given(st.binary(max_size=200), st.sampled_from([None, "utf-8", "latin-1", "hex", "idna", "unicode_escape", "\0"]))
def test_any_bytes_are_a_table_or_refused(body: bytes, charset: str | None) -> None:
    with contextlib.suppress(CsvError):
        first_column(body, charset)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n@x", "=cmd|' /C calc'!A0"])
def test_no_cell_is_run_as_a_formula(cell: str) -> None:
    written = table([[cell]], Column(())).decode()

    assert next(csv.reader(io.StringIO(written, newline=""))) == [f"'{cell}"]


def test_a_table_is_written_like_the_one_that_was_read() -> None:
    like = first_column(f"\ufeffNúmero;x\n{ONE};y\n".encode())

    written = table([["number", "message"], [ONE, 'a;"b"'], ["é", None], [7, ""]], like)

    assert written.decode("utf-8-sig") == f'number;message\r\n{ONE};"a;""b"""\r\né;\r\n7;\r\n'
    assert written.startswith(b"\xef\xbb\xbf")
