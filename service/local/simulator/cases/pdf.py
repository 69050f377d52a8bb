"""A one-page PDF of an exact size: the text on the page, and an unused stream object as padding."""

from collections.abc import Sequence

from service.local.simulator.frame import Frame, fitted

_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_PADDING_NUMBER = 6
_DIGITS = 10  # of an offset in the cross-reference table (ISO 32000-1, 7.5.4)


def pdf_frame(lines: Sequence[str], size: int) -> Frame:
    """A valid PDF of `size` bytes in two halves around its padding. Raises ValueError if it cannot be so small."""
    head, offsets = _objects(lines)
    # The numbers below always take the same room, so the length of all but the padding is known in advance.
    around = len(head) + len(_padding_start(0)) + len(_tail(offsets, 0))
    length = fitted(size, around)
    tail = _tail(offsets, len(head) + len(_padding_start(0)) + length)
    return Frame(head + _padding_start(length), length, tail)


def _objects(lines: Sequence[str]) -> tuple[bytes, list[int]]:
    page = b"/Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >>"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page " + page + b" >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        _stream(_page_text(lines)),
    ]
    data, offsets = _HEADER, []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    return data, [*offsets, len(data)]


def _page_text(lines: Sequence[str]) -> bytes:
    shown = b"".join(b"(%b) Tj 0 -24 Td\n" % _escaped(line) for line in lines)
    return b"BT /F1 11 Tf 56 770 Td\n" + shown + b"ET"


def _escaped(line: str) -> bytes:
    data = line.encode("cp1252", errors="replace")
    return data.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _stream(data: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%b\nendstream" % (len(data), data)


def _padding_start(length: int) -> bytes:
    return b"%d 0 obj\n<< /Length %-10d >>\nstream\n" % (_PADDING_NUMBER, length)


def _tail(offsets: Sequence[int], padding_end: int) -> bytes:
    """What follows the padding; blanks in the trailer make up for the digits of `startxref`."""
    end = b"\nendstream\nendobj\n"
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    table = b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(offsets) + 1, rows)
    start = b"%d" % (padding_end + len(end))
    blanks = b" " * (_DIGITS - len(start))
    trailer = b"trailer\n<< /Size %d /Root 1 0 R%b >>\nstartxref\n%b\n%%%%EOF\n"
    return end + table + trailer % (len(offsets) + 1, blanks, start)
