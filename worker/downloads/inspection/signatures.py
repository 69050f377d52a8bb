"""Detects the container of a document by its first bytes, and the kind within it."""

import binascii
import re
from base64 import b64decode

from worker.downloads.inspection.kinds import (
    ASF,
    BOXES,
    CMS,
    DOCX,
    HEIC,
    MATROSKA,
    OGG,
    OLE,
    PDF,
    PPTX,
    RTF,
    WORD,
    XLSX,
    ZIP,
)

PDF_WINDOW = 1024  # bytes; readers accept a PDF that begins within these
_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", PDF),
    (b"{\\rtf", RTF),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"\x00\x00\x00\x0cjP  ", "image/jp2"),
    (b"AT&TFORM", "image/vnd.djvu"),
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"OggS\x00", OGG),
    (b"\x1a\x45\xdf\xa3", MATROSKA),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ASF),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
    (b"FLV\x01", "video/x-flv"),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"PK\x07\x08", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x1f\x8b\x08", "application/gzip"),
    *((b"BZh%d1AY&SY" % level, "application/x-bzip2") for level in range(1, 10)),
    (b"-----BEGIN PKCS7-----", CMS),
    (b"-----BEGIN CMS-----", CMS),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BOX_NAMES = frozenset({b"moov", b"mdat", b"wide", b"pnot", b"free", b"skip", b"styp", b"uuid"})
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), HEIC),
}
_SOUND_BRANDS = {b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"qt  ": "video/quicktime"}
# Signed, enveloped and authenticated data: the object identifiers of PKCS #7 (1.2.840.113549.1.7).
_ENVELOPE = re.compile(
    rb"\x30(?:\x80|[\x01-\x7f]|\x81.|\x82..|\x83...|\x84....)\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", re.DOTALL
)
_PDF_LINE = re.compile(rb"%PDF-\d\.\d\s*[\r\n%]")
_OFFICE_PART = re.compile(rb"PK(?:\x03\x04.{26}|\x01\x02.{42})(word|xl|ppt)/", re.DOTALL)
_OFFICE_PARTS = {b"word": DOCX, b"xl": XLSX, b"ppt": PPTX}
_MIME_ENTRY = re.compile(rb"PK\x03\x04.{22}\x08\x00.{2}mimetype(application/[a-z0-9.+-]{1,60})", re.DOTALL)
#: Streams in the directory of an OLE file, and the kind that each shows.
_STREAMS = {
    "__substg1.0_": "application/vnd.ms-outlook",
    "__properties_version1.0": "application/vnd.ms-outlook",
    "WordDocument": WORD,
    "Workbook": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
}


def container_of(head: bytes, text: bytes, promised: str | None) -> str | None:
    """The container by the first bytes. `text`: the same without byte order mark and leading whitespace."""
    prefix = next((kind for magic, kind in _PREFIXES if text.startswith(magic) or head.startswith(magic)), None)
    return prefix or _structured(head) or _envelope(head) or _late_pdf(head, text, promised)


def refined(container: str, head: bytes, tail: bytes) -> str | None:
    """The kind within a container; None if the bytes do not show it."""
    if container == ZIP:
        named = _MIME_ENTRY.match(head)
        part = _OFFICE_PART.search(head) or _OFFICE_PART.search(tail)
        return named[1].decode() if named else _OFFICE_PARTS[part[1]] if part else None
    if container == OLE:
        return next((kind for name, kind in _STREAMS.items() if name.encode("utf-16-le") in head + tail), None)
    if container == BOXES and head[4:8] == b"ftyp":
        return "video/3gpp" if head[8:11] == b"3gp" else _SOUND_BRANDS.get(head[8:12])
    if container == MATROSKA and b"webm" in head[:64]:
        return "video/webm"
    return None


def _structured(head: bytes) -> str | None:
    """Containers whose signature is not at the start, or is too short to be enough by itself."""
    if head.startswith((b"RIFF", b"RF64")):
        return _RIFF.get(head[8:12])
    # The length of a box has a zero byte; a text that begins with "The free" has none.
    if head[4:8] == b"ftyp" or (head[4:8] in _BOX_NAMES and b"\0" in head[:4]):
        return _BRANDS.get(head[8:12], BOXES) if head[4:8] == b"ftyp" else BOXES
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "image/bmp"
    if head[257:262] == b"ustar":
        return "application/x-tar"
    if head[:1] == b"\x47" and head[188:189] == head[376:377] == b"\x47" and b"\0" in head[:377]:
        return "video/mp2t"
    return _audio_frame(head.lstrip(b"\0"))


def _audio_frame(head: bytes) -> str | None:
    """MPEG audio or AAC without a tag: eleven sync bits, then fields in which some values do not exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        return "audio/aac" if head[1] & 0xF6 == 0xF0 else None
    rate, frequency = head[2] >> 4, head[2] >> 2 & 3
    return "audio/mpeg" if version != 1 and layer != 3 and 0 < rate < 15 and frequency != 3 else None


def _envelope(head: bytes) -> str | None:
    """A signature envelope: DER, or Base64 of it, which some systems store without the lines of PEM."""
    if _ENVELOPE.match(head):
        return CMS
    if not head.startswith(b"MI"):
        return None
    try:
        return CMS if _ENVELOPE.match(b64decode(head[:32], validate=True)) else None
    except binascii.Error:
        return None


def _late_pdf(head: bytes, text: bytes, promised: str | None) -> str | None:
    """A PDF that begins after other bytes. If none is promised, or after markup, it needs a complete header line."""
    if promised not in {None, PDF}:
        return None
    if promised is None or text.startswith(b"<"):
        line = _PDF_LINE.search(head[: PDF_WINDOW + 16])
        return PDF if line and line.start() < PDF_WINDOW else None
    return PDF if b"%PDF-" in head[:PDF_WINDOW] else None
