"""All movements of a case as one JSON file, which is kept compressed until it is sent."""

import zlib
from collections.abc import AsyncGenerator, Sequence

import msgspec

from service.database.access import DatabaseAccess
from service.database.cases import case_data
from service.database.cases.case_data import StoredMovement
from service.domain.process_number import ProcessNumber

MOVEMENTS_PER_PAGE = 200  # movements that are read and encoded before other tasks run
_PART_SIZE = 64 * 1024  # bytes that are decompressed at a time


class MovementsFile:
    """A JSON array, one movement in a line. Its size and its CRC-32 are known before it is sent."""

    def __init__(self) -> None:
        self.size = 0  #: bytes, not compressed
        self.crc32 = 0
        self._compressor = zlib.compressobj()
        self._compressed = bytearray()
        self._is_empty = True

    def add(self, movements: Sequence[StoredMovement]) -> None:
        """Append movements."""
        for each in movements:
            self._write((b"[\n" if self._is_empty else b",\n") + msgspec.json.encode(each))
            self._is_empty = False

    def end(self) -> None:
        """Close the array."""
        self._write(b"[]\n" if self._is_empty else b"\n]\n")
        self._compressed += self._compressor.flush()

    def _write(self, content: bytes) -> None:
        self.size += len(content)
        self.crc32 = zlib.crc32(content, self.crc32)
        self._compressed += self._compressor.compress(content)

    async def read(self) -> AsyncGenerator[bytes, None]:
        """The bytes, in parts of 64 KiB at most."""
        decompressor, left = zlib.decompressobj(), bytes(self._compressed)
        while not decompressor.eof:
            yield decompressor.decompress(left, _PART_SIZE)
            left = decompressor.unconsumed_tail


async def movements_file(database: DatabaseAccess, number: ProcessNumber) -> MovementsFile:
    """Read all movements of a case, the newest first. It holds a connection for one page at a time."""
    file = MovementsFile()
    after = None
    while True:
        async with database.connection() as connection:
            page = await case_data.movements_page(connection, number, after=after, limit=MOVEMENTS_PER_PAGE)
        file.add(page)
        if len(page) < MOVEMENTS_PER_PAGE:
            file.end()
            return file
        after = page[-1].id
