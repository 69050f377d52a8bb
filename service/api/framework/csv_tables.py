"""CSV as spreadsheets write it: the first column of a table, and a table that is safe to open in one."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

CSV_MEDIA_TYPE = "text/csv"
_DELIMITERS = ";\t,|"  # the first one wins if two are as frequent
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_JSON = ("{", "[")  # no cell of a table begins so
_BYTE_ORDER_MARK = "\ufeff"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)  # Excel's own way to name the delimiter
_AS_TEXT = re.compile(r'="([^"]*)"')  # a formula that keeps a spreadsheet from reading digits as a number
_LETTER_FIRST = re.compile(r"[\W_]*[^\W\d_]")
_DIGITS_MIN = 14  # of what may be meant as a case number
_ENCODINGS = {"ascii", "cp1252", "iso8859-1", "iso8859-15", "utf-16", "utf-16-be", "utf-16-le", "utf-8"}
#: A cell that begins so is run as a formula. Spreadsheets skip spaces before it.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n]")


class CsvError(Exception):
    """The body is no table. The message says what is wrong and where."""


class Column(msgspec.Struct, frozen=True):
    """The first cells of the rows, and how the table was written."""

    cells: tuple[str, ...]  #: without the header and without empty rows
    delimiter: str = ","
    has_mark: bool = False  #: it begins with a byte order mark


def first_column(body: bytes, charset: str | None = None) -> Column:
    """Read the first column. `charset`: of the Content-Type, if it has one. Raises `CsvError`.

    The first row is a header if its first cell begins with a letter and has no case number.
    """
    text = _text(body, charset)
    has_mark = text.startswith(_BYTE_ORDER_MARK)
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if text.lstrip().startswith(_JSON):
        raise CsvError("It is JSON. Send it as application/json.")
    named = _SEPARATOR_LINE.match(text)
    delimiter = named[1] if named else _delimiter(text)
    rows = _rows(text[named.end() :] if named else text, delimiter)
    cells = [_value(row[0]) for row in rows if any(cell.strip() for cell in row)]
    if cells and _is_header(cells[0]):
        del cells[0]
    return Column(tuple(cells), delimiter, has_mark)


def _text(body: bytes, charset: str | None) -> str:
    encoding = "utf-16" if body.startswith(_UTF_16) else _encoding(charset)
    try:
        return body.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        if encoding is not None:
            raise CsvError("It is not written in its charset.") from None
    # What Excel writes on Windows. Bytes that it does not define are replaced.
    return body.decode("cp1252", errors="replace")


def _encoding(charset: str | None) -> str | None:
    try:
        name = None if charset is None else codecs.lookup(charset).name
    except (LookupError, ValueError):
        name = ""
    if name is not None and name not in _ENCODINGS:
        raise CsvError("Its charset is not known. Send UTF-8.")
    return name


def _delimiter(text: str) -> str:
    """The most frequent delimiter of the first line that is not empty, outside of quotes."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    outside = re.sub(r'"[^"]*"', "", line)
    return max(_DELIMITERS, key=outside.count) if any(map(outside.count, _DELIMITERS)) else ","


def _rows(text: str, delimiter: str) -> Iterable[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise CsvError(f"Line {reader.line_num} is no row of a table: {error}.") from None


def _value(cell: str) -> str:
    bare = cell.strip().removeprefix("'")
    as_text = _AS_TEXT.fullmatch(bare)
    return (as_text[1] if as_text else bare).strip()


def _is_header(cell: str) -> bool:
    return _LETTER_FIRST.match(cell) is not None and sum(map(str.isdigit, cell)) < _DIGITS_MIN


def table(rows: Iterable[Sequence[Any]], like: Column) -> bytes:
    """Rows as CSV in UTF-8, with the delimiter and the byte order mark of another table. None is an empty cell.

    What a spreadsheet would run as a formula begins with an apostrophe.
    """
    written = io.StringIO()
    csv.writer(written, delimiter=like.delimiter).writerows([[_safe(cell) for cell in row] for row in rows])
    return ((_BYTE_ORDER_MARK if like.has_mark else "") + written.getvalue()).encode()


def _safe(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
