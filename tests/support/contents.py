"""Contents as the portal may send them, and the inspection's results for them."""

import io
import zipfile
from collections.abc import AsyncIterator, Collection, Sequence

import pytest

from service.domain.documents import ContentFlag
from service.portal.errors import PortalError
from worker.downloads.inspection import Doubted, Expected, Inspection, Received, Rendition
from worker.downloads.inspection.check import Check
from worker.downloads.inspection.inspection import CHECKS

LIMIT = 1_000_000
NOTHING = Expected(None, None)
OCTETS = "application/octet-stream"

PDF = b"%PDF-1.4\n" + b"x" * 300 + b"\n%%EOF\n"
HTML = '<div style="text-align:center">Sentença</div>'.encode()
PAGE = "<!DOCTYPE html><html><head><title>Sentença</title></head><body><p>Vistos.</p></body></html>".encode()
RTF = rb"{\rtf1\ansi Certid\'e3o}"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"x" * 50 + b"\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 50 + b"\x00\x00\x00\x00IEND\xaeB`\x82"
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(50)
MP3 = b"\xff\xfb\x90\x64" + bytes(50)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(12) + (26).to_bytes(8, "little") + bytes(30)
SIGNED = bytes.fromhex("3082018706092a864886f70d010702a08201780201013100300b06092a864886f70d010701a0") + PDF
SIGNED = SIGNED + bytes(0x187 + 4 - len(SIGNED))


def archive(*names: str, mime_type: str = "") -> bytes:
    """A ZIP file of these entries, an Office file if they say so; `mime_type` is an OpenDocument's first entry."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        if mime_type:
            made.writestr("mimetype", mime_type, zipfile.ZIP_STORED)
        for name in names:
            made.writestr(name, f"<{name}/>")
    return target.getvalue()


DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
DOCX = archive("[Content_Types].xml", "_rels/.rels", "word/document.xml")
ODT_TYPE = "application/vnd.oasis.opendocument.text"
ODT = archive("content.xml", mime_type=ODT_TYPE)


async def inspected(
    body: bytes,
    expected: Expected = NOTHING,
    *,
    step: int = 100_000,
    before: Collection[Received] = (),
    limit: int = LIMIT,
    address: str = "",
    text: Rendition | None = None,
    checks: Sequence[type[Check]] = CHECKS,
) -> Inspection:
    """An inspection that was fed the body in steps."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    inspection = Inspection(expected, max_bytes=limit, address=address, before=before, text=text, checks=checks)
    assert b"".join([chunk async for chunk in inspection.watch(chunks())]) == body
    return inspection


async def accepted(
    body: bytes, expected: Expected = NOTHING, header: str = OCTETS, *, before: Collection[Received] = ()
) -> str:
    """The kind of a body that is accepted with a Content-Length."""
    inspection = await inspected(body, expected, before=before)
    kind = inspection.detect_kind(header, len(body))
    inspection.check_complete(len(body), is_framed=True)
    return kind


async def refused(body: bytes, expected: Expected = NOTHING, header: str = OCTETS) -> PortalError:
    """Why the body is refused, even if the same bytes came before."""
    with pytest.raises(PortalError) as error:
        await accepted(body, expected, header)
    if isinstance(error.value, Doubted):
        with pytest.raises(PortalError):
            await accepted(body, expected, header, before=[error.value.received])
    return error.value


async def doubted(body: bytes, expected: Expected = NOTHING, header: str = OCTETS) -> tuple[Doubted, str]:
    """Why the body is refused the first time, and its kind the second time."""
    with pytest.raises(Doubted) as error:
        await accepted(body, expected, header)
    return error.value, await accepted(body, expected, header, before=[error.value.received])


async def flags_of(body: bytes, expected: Expected = NOTHING, header: str = OCTETS) -> tuple[ContentFlag, ...]:
    """The flags of a body that came for the second time."""
    error, _ = await doubted(body, expected, header)
    inspection = await inspected(body, expected, before=[error.received])
    inspection.detect_kind(header, len(body))
    return inspection.check_complete(len(body), is_framed=True)
