"""A ZIP file as a stream of bytes whose size is known before the first byte.

Entries are stored without compression: most documents are compressed already, and the size of the archive follows from
theirs. The size and the CRC-32 of an entry stand before its bytes, not after them: otherwise programs that read an
archive as a stream, such as Java's `ZipInputStream`, could not find the end of a stored entry.
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import datetime
from zipfile import ZipFile, ZipInfo

import msgspec

FLUSH_SIZE = 64 * 1024  # bytes that are collected before they are sent: small files share a packet
_FIRST_TIME = (1980, 1, 1, 0, 0, 0)  # ZIP stores DOS timestamps, from 1980 to 2107
_LAST_TIME = (2107, 12, 31, 23, 59, 58)
_READABLE_FILE = 0o100644 << 16  # otherwise `unzip` creates files that only their owner may read


class Entry(msgspec.Struct, frozen=True):
    """The header of a file in the archive."""

    name: str
    size: int  #: bytes
    modified_at: datetime  #: written in its own time zone: ZIP stores no zones
    crc32: int = 0  #: of its bytes; must be correct when the entry is written


class _Outlet:
    """The file object that `zipfile` writes to. It has no `seek`."""

    def __init__(self) -> None:
        self.pending = 0  #: bytes that were written and not taken yet
        self._chunks: list[bytes] = []
        self._position = 0

    def write(self, chunk: bytes) -> int:
        self._chunks.append(chunk)
        self.pending += len(chunk)
        self._position += len(chunk)
        return len(chunk)

    def skip(self, size: int) -> None:
        self._position += size

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Do nothing: `take` empties the buffer."""

    def close(self) -> None:
        """Do nothing: no file is open."""

    def take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks.clear()
        self.pending = 0
        return taken


def zip_size(entries: Iterable[Entry]) -> int:
    """Bytes of the whole archive, computed by writing its headers and directory without the contents."""
    outlet = _Outlet()
    with ZipFile(outlet, "w") as archive:
        for entry in entries:
            _begin(archive, outlet, entry)
            outlet.skip(entry.size)
        archive.start_dir = outlet.tell()
    return outlet.tell()


Files = AsyncGenerator[tuple[Entry, AsyncGenerator[bytes, None]], None]


async def zip_stream(files: Files) -> AsyncGenerator[bytes, None]:
    """The archive in chunks. Files are read one after the other; each must have the size and CRC-32 of its entry.

    An exception of a file ends the stream before the directory is written, so the client has no valid archive.
    """
    outlet = _Outlet()
    archive = ZipFile(outlet, "w")
    async with aclosing(files), aclosing(_entries(archive, outlet, files)) as chunks:
        async for chunk in chunks:
            yield chunk
    archive.start_dir = outlet.tell()
    archive.close()
    yield outlet.take()


async def _entries(archive: ZipFile, outlet: _Outlet, files: Files) -> AsyncGenerator[bytes, None]:
    async for entry, content in files:
        _begin(archive, outlet, entry)
        async with aclosing(content), aclosing(_written(outlet, content)) as chunks:
            async for chunk in chunks:
                yield chunk


async def _written(outlet: _Outlet, content: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async for chunk in content:
        outlet.write(chunk)
        if outlet.pending >= FLUSH_SIZE:
            yield outlet.take()


def _begin(archive: ZipFile, outlet: _Outlet, entry: Entry) -> None:
    """Write the header of an entry and list it in the directory. `ZipFile.open` would leave the sizes out of it."""
    info = _info(entry)
    info.header_offset = outlet.tell()
    outlet.write(info.FileHeader())
    archive.filelist.append(info)


def _info(entry: Entry) -> ZipInfo:
    moment = entry.modified_at.timetuple()[:6]
    info = ZipInfo(entry.name, min(max(moment, _FIRST_TIME), _LAST_TIME))
    info.external_attr = _READABLE_FILE
    info.file_size = info.compress_size = entry.size
    info.CRC = entry.crc32
    return info
