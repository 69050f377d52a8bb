"""Names for the object store and for the people who download."""

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

EXTENSIONS: Mapping[str, str] = {
    "application/pdf": ".pdf",
    "text/html": ".html",
    "application/rtf": ".rtf",
    "text/plain": ".txt",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "audio/mpeg": ".mp3",
    "video/mp4": ".mp4",
    "application/zip": ".zip",
}
STEM_LENGTH = 100  # characters; with prefix and ending far below the 255 bytes of a file name
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}")


def download_name(name: str, mime_type: str) -> str:
    """The document's own name with the ending that its content has."""
    ending = EXTENSIONS.get(mime_type, "")
    plain = name.replace("/", "-").replace("\\", "-")
    return plain if plain.lower().endswith(ending) else plain + ending


def safe_name(name: str, mime_type: str, revision: int = 1) -> str:
    """A name of ASCII letters, digits, dot, dash and underscore that any object store accepts.

    A content that replaces an earlier one gets its revision into the name, so that a link to the earlier one
    never serves other bytes than were announced.
    """
    full = download_name(name, mime_type)
    ending = match[0] if (match := _ENDING.fullmatch(full[full.rfind(".") :])) and "." in full else ""
    ascii_only = unicodedata.normalize("NFKD", full.removesuffix(ending)).encode("ascii", "ignore").decode()
    stem = _UNSAFE.sub("-", ascii_only).strip("-.")[:STEM_LENGTH].strip("-.") or "documento"
    return f"{stem}{'' if revision == 1 else f'.{revision}'}{ending.lower()}"


def content_disposition(name: str) -> str:
    """Download under this name, accents included; the plain form is for clients that know no RFC 6266."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    fallback = re.sub(r'[^ -~]|["\\%]', "_", ascii_only).strip() or "documento"
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe='')}"
