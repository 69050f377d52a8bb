"""A ZIP file as a stream of bytes, whose number is known before the first of them.

Entries are stored as they are: documents are compressed already, and their sizes then tell the archive's. Each says
its size and its CRC-32 before its bytes, not behind them: programs that read an archive as a stream, such as Java's
`ZipInputStream`, could not tell otherwise where a stored entry ends.
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import datetime
from zipfile import ZipFile, ZipInfo

import msgspec

FLUSH_SIZE = 64 * 1024  # bytes that are collected before they are sent on: small files share a packet
_FIRST_TIME = (1980, 1, 1, 0, 0, 0)  # the clock of DOS starts here, and ends with 2107
_LAST_TIME = (2107, 12, 31, 23, 59, 58)
_READABLE_FILE = 0o100644 << 16  # else `unzip` makes files that only their owner may read


class Entry(msgspec.Struct, frozen=True):
    """A file of the archive before its bytes are there."""

    name: str
    size: int  #: bytes
    modified_at: datetime  #: shown as it is: ZIP knows no zones
    crc32: int = 0  #: of its bytes; must be right when the entry is written


class _Outlet:
    """What zipfile writes to. It cannot seek."""

    def __init__(self) -> None:
        self.pending = 0  #: bytes to be taken
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
        """Nothing: whoever reads takes."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks.clear()
        self.pending = 0
        return taken


def zip_size(entries: Iterable[Entry]) -> int:
    """Bytes of the whole archive, found by writing one without the contents."""
    outlet = _Outlet()
    with ZipFile(outlet, "w") as archive:
        for entry in entries:
            _begin(archive, outlet, entry)
            outlet.skip(entry.size)
        archive.start_dir = outlet.tell()
    return outlet.tell()


Files = AsyncGenerator[tuple[Entry, AsyncGenerator[bytes, None]], None]


async def zip_stream(files: Files) -> AsyncGenerator[bytes, None]:
    """The archive in chunks; each file is read when its turn has come, and must have the bytes that its entry says.

    Whatever a file raises ends the stream, before the directory that would make it a valid archive.
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
    """Write the header of an entry and have the directory list it. `ZipFile.open` would leave the sizes out."""
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
