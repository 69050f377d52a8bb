"""File names: in object keys, in downloads and in archives."""

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

EXTENSIONS: Mapping[str, str] = {
    "application/pdf": ".pdf",
    "text/html": ".html",
    "application/rtf": ".rtf",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "application/json": ".json",
    "application/xml": ".xml",
    "message/rfc822": ".eml",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/tiff": ".tif",
    "image/bmp": ".bmp",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "image/avif": ".avif",
    "image/svg+xml": ".svg",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/aac": ".aac",
    "audio/flac": ".flac",
    "audio/amr": ".amr",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/3gpp": ".3gp",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
    "video/x-msvideo": ".avi",
    "video/x-ms-wmv": ".wmv",
    "audio/x-ms-wma": ".wma",
    "video/mpeg": ".mpg",
    "video/x-flv": ".flv",
    "application/zip": ".zip",
    "application/x-7z-compressed": ".7z",
    "application/vnd.rar": ".rar",
    "application/gzip": ".gz",
    "application/pkcs7-signature": ".p7s",
    "application/pkcs7-mime": ".p7m",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.ms-outlook": ".msg",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.presentation": ".odp",
}
#: Other extensions in use for some of these.
_ALIASES: Mapping[str, str] = {
    ".htm": ".html",
    ".jpeg": ".jpg",
    ".tiff": ".tif",
    ".heif": ".heic",
    ".mpeg": ".mpg",
    ".oga": ".ogg",
    ".ogv": ".ogg",
    ".opus": ".ogg",
    ".m4v": ".mp4",
}
_KINDS: Mapping[str, str] = {ending: kind for kind, ending in EXTENSIONS.items()}
STEM_LENGTH = 100  # characters; with prefix and extension far below the 255 bytes of a file name
DOWNLOAD_LENGTH = 150  # characters before the extension; in a link each takes up to 12 bytes, escaped twice
ARCHIVED_BYTES = 200  # of UTF-8, with number and extension; file systems take 255
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# They change the writing direction: a name would seem to have another extension than it has.
_DIRECTIONS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')  # on Windows; the slash everywhere
_INVISIBLE_START = re.compile(r"\A[\s.]+")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}")


def download_name(name: str, mime_type: str) -> str:
    """The document's name, cut to a length that file systems take, with the extension of `mime_type`."""
    ending = EXTENSIONS.get(mime_type, "")
    visible = _CONTROLS.sub(" ", _DIRECTIONS.sub("", name))
    # A name of dots only, or one that starts with a dot, would be hidden or mean a directory.
    plain = _INVISIBLE_START.sub("", visible.replace("/", "-").replace("\\", "-")) or "documento"
    stem, own = _split(plain)
    if ending and _usual(own) != ending:
        stem, own = plain, ending
    return stem[:DOWNLOAD_LENGTH].rstrip() + own


def kind_of_name(name: str) -> str | None:
    """The MIME type of a name's extension; None if there is none or it is unknown."""
    return _KINDS.get(_usual(_split(name.strip())[1]))


def safe_name(name: str, mime_type: str) -> str:
    """A name of ASCII letters, digits, dots, dashes and underscores, which every object store accepts."""
    full, ending = _split(download_name(name, mime_type))
    ascii_only = unicodedata.normalize("NFKD", full).encode("ascii", "ignore").decode()
    stem = _UNSAFE.sub("-", ascii_only).strip("-.")[:STEM_LENGTH].strip("-.") or "documento"
    return stem + ending.lower()


def archived_name(name: str, mime_type: str, place: int, digits: int = 4) -> str:
    """The document's number in the case and its name, such as `0001 - Petição inicial.pdf`.

    Safe to extract on every system: one path component, normalised (NFC), bounded, without invisible characters. The
    number makes it unique however a file system compares names, and keeps it from being a reserved name of Windows.
    """
    visible = "".join(each for each in name if each.isspace() or unicodedata.category(each)[0] != "C")
    plain = _FORBIDDEN.sub("-", unicodedata.normalize("NFC", " ".join(visible.split())))
    stem, ending = _split(download_name(plain, mime_type))
    start = f"{place:0{digits}} - "
    left = ARCHIVED_BYTES - len(start) - len(ending)
    return start + stem.encode()[:left].decode(errors="ignore").rstrip(" .") + ending


def content_disposition(name: str) -> str:
    """A Content-Disposition header with accents kept, and an ASCII name for clients that do not know RFC 6266."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    # A semicolon is legal inside the quotes, but many clients take it for the end of the name.
    fallback = re.sub(r'[^ -~]|["\\%;]', "_", ascii_only).strip() or "documento"
    # Half a surrogate pair has no UTF-8 form; it becomes a question mark.
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def _usual(ending: str) -> str:
    return _ALIASES.get(ending.lower(), ending.lower())


def _split(name: str) -> tuple[str, str]:
    """The name without its extension, and the extension with its dot, empty if there is none."""
    stem, dot, last = name.rpartition(".")
    ending = dot + last
    return (stem, ending) if stem and _ENDING.fullmatch(ending) else (name, "")
