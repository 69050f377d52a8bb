"""HTML fragments and RTF of an exact size, as the courts file them."""

import html
from collections.abc import Sequence
from html.entities import codepoint2name

from service.local.simulator.frame import Frame, fitted


def html_frame(lines: Sequence[str], size: int) -> Frame:
    """A fragment that starts with `<div style=` and has no `<html>`; accents are entities."""
    paragraphs = "".join(f"<p>{_entities(line)}</p>" for line in lines)
    head = f'<div style="font-family: serif; text-align: justify">{paragraphs}<!-- '.encode("ascii")
    return _framed(head, b" --></div>\n", size)


def rtf_frame(lines: Sequence[str], size: int) -> Frame:
    """RTF whose filler is an ignorable destination (`\\*`), which readers skip."""
    paragraphs = b"".join(_rtf_escaped(line) + b"\\par " for line in lines)
    head = b"{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Times New Roman;}}\\f0\\fs24 " + paragraphs
    return _framed(head + b"{\\*\\padding ", b"}}\n", size)


def _framed(head: bytes, tail: bytes, size: int) -> Frame:
    return Frame(head, fitted(size, len(head) + len(tail)), tail)


def _entities(text: str) -> str:
    named = "".join(f"&{codepoint2name[ord(one)]};" if ord(one) in codepoint2name else one for one in text)
    return named.replace("'", html.escape("'")).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _rtf_escaped(text: str) -> bytes:
    return b"".join(_rtf_byte(one) for one in text.encode("cp1252", errors="replace"))


def _rtf_byte(value: int) -> bytes:
    if chr(value) in "\\{}":
        return b"\\%c" % value
    return bytes([value]) if value < 128 else b"\\'%02x" % value
