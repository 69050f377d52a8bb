"""Tables of the command line: an id is never cut off, however narrow the terminal and however long an error."""

import msgspec
import pytest

from service.commands import console

ID = "1c5f1e3f-35e0-4585-a9e9-4c6d8ab040e9"
HOST = "a-rather-long-name-of-a-host-somewhere.subdomain.example.com.br"
ERROR = "The host answered 503 with a page, " * 20 + "and that is all."
COLUMNS = ("delivery", "host", "status", "last error")


def test_a_row_is_one_line_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(COLUMNS, [(ID, HOST, "failed", ERROR), (ID, HOST, "failed", "two\nlines\x1b[2J")])

    _head, first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:3] == second.split()[:3] == [ID, HOST, "failed"]
    assert first.strip().endswith(ERROR)
    assert second.strip().endswith("two lines [2J")


@pytest.mark.parametrize("width", [40, 80, 160, 200])
def test_a_terminal_folds_sentences_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))

    console.print_table(COLUMNS, [(ID, HOST, "failed", ERROR)])

    _head, first, *rest = capsys.readouterr().out.splitlines()
    assert first.split()[:3] == [ID, HOST, "failed"]
    assert len(rest) > 1
    assert max(map(len, (first, *rest))) <= max(width, 150)
    assert "all." in rest[-1]


def test_a_table_without_rows_has_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(COLUMNS, [])

    assert capsys.readouterr().out.split() == ["delivery", "host", "status", "last", "error"]


class Named(msgspec.Struct):
    name: str


#: Characters of a text that a terminal would obey: of ASCII, the one-byte forms of them, and those that turn the line.
OBEYED = "\x1b]0;title\x07 \x9b2J \x7f \r\n \x85 \u2028 \u202e \u2066 \u200b"


def test_a_terminal_finds_nothing_to_obey_in_fields(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_fields(Named(f"Firm {OBEYED} end"))

    (shown,) = capsys.readouterr().out.splitlines()
    assert shown.isprintable()
    assert shown.split() == ["name", "Firm", "]0;title", "2J", "end"]


def test_a_terminal_finds_nothing_to_obey_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    name = f'Firm {OBEYED} "\\" São \U0001f600 \U000e0001 end'

    console.print_json(Named(name))

    (shown,) = capsys.readouterr().out.splitlines()
    assert shown.isprintable()
    assert "São" in shown
    assert msgspec.json.decode(shown, type=Named).name == name
