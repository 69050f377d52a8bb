"""Names of kinds (MIME types), and the container of each kind.

The container is what the first bytes show: a ZIP archive may be a DOCX, MP4 and MOV use the same boxes. The tables
are ours because no library fits: `filetype` and `puremagic` return one guess, take a text that begins with "BM" for an
image, do not know signature envelopes, and cannot say whether a promised kind may begin like this.
"""

import re
from collections.abc import Mapping

PDF, RTF, HTML, TEXT = "application/pdf", "application/rtf", "text/html", "text/plain"
XML, SVG, JSON = "application/xml", "image/svg+xml", "application/json"
ZIP, OLE, CMS = "application/zip", "application/x-ole-storage", "application/pkcs7-signature"
BOXES, OGG, MATROSKA, ASF = "video/mp4", "audio/ogg", "video/x-matroska", "video/x-ms-wmv"
HEIC, WORD = "image/heic", "application/msword"
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
DOCX = f"{_OPEN_XML}wordprocessingml.document"
XLSX = f"{_OPEN_XML}spreadsheetml.sheet"
PPTX = f"{_OPEN_XML}presentationml.presentation"
_MIME_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,72}")

#: Names that the portal uses and old names, with the registered name of each.
_SYNONYMS: Mapping[str, str] = {
    "text/richtext": RTF,
    "text/rtf": RTF,
    "application/x-rtf": RTF,
    "application/x-pdf": PDF,
    "application/xhtml+xml": HTML,
    "text/xml": XML,
    "text/json": JSON,
    "application/x-json": JSON,
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/tif": "image/tiff",
    "image/x-ms-bmp": "image/bmp",
    "image/x-bmp": "image/bmp",
    "image/heif": HEIC,
    "image/svg": SVG,
    "audio/mp3": "audio/mpeg",
    "audio/mpeg3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/m4a": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "video/avi": "video/x-msvideo",
    "video/msvideo": "video/x-msvideo",
    "video/x-m4v": "video/mp4",
    "application/x-zip-compressed": ZIP,
    "application/x-zip": ZIP,
    "application/x-rar-compressed": "application/vnd.rar",
    "application/x-rar": "application/vnd.rar",
    "application/x-gzip": "application/gzip",
    "application/x-pkcs7-signature": CMS,
    "application/x-pkcs7-mime": "application/pkcs7-mime",
    "application/cms": CMS,
}
#: Kinds that have a signature of their own: a document listed as one must show it.
_RECOGNISABLE = frozenset(
    {
        *(PDF, RTF, ZIP, OLE, CMS, BOXES, OGG, MATROSKA, ASF, HEIC),
        *("image/jpeg", "image/png", "image/gif", "image/tiff", "image/bmp", "image/webp", "image/avif"),
        *("image/jp2", "image/vnd.djvu", "audio/mpeg", "audio/wav", "audio/aac", "audio/flac", "audio/amr"),
        *("video/x-msvideo", "video/mpeg", "video/mp2t", "video/x-flv", "application/x-tar", "application/gzip"),
        *("application/x-7z-compressed", "application/vnd.rar", "application/x-bzip2"),
    }
)
#: Kinds that share a container with others.
_CONTAINERS: Mapping[str, str] = {
    "application/pkcs7-mime": CMS,
    WORD: OLE,
    "application/vnd.ms-excel": OLE,
    "application/vnd.ms-powerpoint": OLE,
    "application/vnd.ms-outlook": OLE,
    "application/epub+zip": ZIP,
    "application/java-archive": ZIP,
    "application/vnd.google-earth.kmz": ZIP,
    "audio/mp4": BOXES,
    "video/quicktime": BOXES,
    "video/3gpp": BOXES,
    "video/3gpp2": BOXES,
    "audio/3gpp": BOXES,
    "video/ogg": OGG,
    "application/ogg": OGG,
    "audio/opus": OGG,
    "video/webm": MATROSKA,
    "audio/webm": MATROSKA,
    "audio/x-matroska": MATROSKA,
    "video/x-ms-asf": ASF,
    "audio/x-ms-wma": ASF,
}
_TEXT_APPLICATIONS = frozenset(
    {JSON, XML, "application/javascript", "application/x-javascript", "application/sql", "application/x-ndjson"}
)


def canonical(mime_type: str | None) -> str | None:
    """The registered name of a MIME type; None if it is not valid, or says nothing (`application/octet-stream`)."""
    plain = (mime_type or "").partition(";")[0].strip().lower()
    if "/" not in plain:
        plain = plain.replace("_", "/", 1)  # the portal's source systems write APPLICATION_PDF
    known = _SYNONYMS.get(plain, plain)
    says_nothing = known in {"application/octet-stream", "binary/octet-stream", "application/force-download"}
    return known if _MIME_TYPE.fullmatch(known) and not says_nothing else None


def container_for(kind: str) -> str | None:
    """The container of a kind; None for kinds that have no signature."""
    if kind.startswith((_OPEN_XML, "application/vnd.oasis.opendocument.")) or "macroenabled" in kind:
        return ZIP
    return kind if kind in _RECOGNISABLE else _CONTAINERS.get(kind)


def is_textual(kind: str) -> bool:
    """Whether a document of this kind is text that programs and people can read."""
    return kind.startswith(("text/", "message/")) or kind.endswith(("+xml", "+json")) or kind in _TEXT_APPLICATIONS
