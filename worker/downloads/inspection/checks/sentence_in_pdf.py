"""Objects to a PDF file that has only a sentence in place of the document."""

import re
import zlib
from collections.abc import Iterator

from service.domain.errors import ErrorCode
from service.portal.pages import is_stand_in, plain_text
from worker.downloads.inspection.check import Check, Objection
from worker.downloads.inspection.kinds import PDF
from worker.downloads.inspection.sample import Sample

STREAM_LENGTH = 64 * 1024  # decoded bytes read of one stream; a sentence needs a few hundred
STREAMS_MAX = 20
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_SHOWN = re.compile(rb"\(((?:[^()\\]|\\.)*)\)\s*(?:Tj|'|\")|\[((?:[^\]\\]|\\.)*)\]\s*TJ", re.DOTALL)
_STRING = re.compile(rb"\(((?:[^()\\]|\\.)*)\)", re.DOTALL)
_OCTAL = re.compile(rb"\\([0-7]{3})")


class SentenceInPdf(Check):
    """Only a small file is read, and only text in a plain encoding: it shows the sentence or nothing."""

    order = 35

    def finish(self, sample: Sample) -> Objection | None:
        if sample.container != PDF or not sample.is_whole or sample.size_fits:
            return None
        text = " ".join(_texts(sample.head))
        if not text or not is_stand_in(plain_text(text.encode())):
            return None
        return Objection(ErrorCode.PORTAL_ANSWER_INVALID, "a PDF file with only an error came")


def _texts(pdf: bytes) -> Iterator[str]:
    """Yield the strings that the pages show. Strings of a font with an encoding of its own look like noise."""
    for number, stream in enumerate(_STREAM.finditer(pdf)):
        if number == STREAMS_MAX:
            return
        for shown in _SHOWN.finditer(_content(stream[1])):
            parts = [shown[1]] if shown[1] is not None else _STRING.findall(shown[2])
            whole = b"".join(_OCTAL.sub(lambda digits: bytes([int(digits[1], 8) & 255]), part) for part in parts)
            yield whole.decode("cp1252", "ignore")


def _content(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream, STREAM_LENGTH)
    except zlib.error:
        return stream
