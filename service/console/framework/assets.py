"""The style sheet, the script and the icon: served under a name that changes with their bytes."""

import hashlib
from functools import cache
from pathlib import Path

import msgspec

_STATIC = Path(__file__).resolve().parents[1] / "static"
ASSET_TYPES = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}


class Asset(msgspec.Struct, frozen=True):
    """A file and the hash of its bytes."""

    content: bytes
    digest: str
    media_type: str


@cache
def asset(name: str) -> Asset:
    """Read a file, once for each process. Raises `KeyError` for a name that is none of `ASSET_TYPES`."""
    media_type = ASSET_TYPES[name]
    content = (_STATIC / name).read_bytes()
    return Asset(content, hashlib.sha256(content).hexdigest()[:16], media_type)


def asset_path(name: str) -> str:
    """The path at which a browser may keep the file for ever."""
    return f"/console/static/{asset(name).digest}/{name}"
