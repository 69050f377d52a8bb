"""Cases with available documents, as after a download, and what clients do with archives."""

import asyncio
import hashlib
import io
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid5

import aiohttp
import msgspec
from aiohttp.client import _RequestContextManager  # what `get` answers; it has no public name

from service.domain.documents import StoredFile
from tests.support.deliveries.contract import expect_documented
from tests.support.http.api import Api
from tests.support.service import Service

PDF = "application/pdf"
FILED_AT = "2024-02-29T16:45:30Z"
BLOCK = bytes(1024 * 1024)
SECTOR = 4096  # bytes; the last of an archive are not zeros only, and fewer

_INSERT = """
INSERT INTO documents (
    id, process_number, instance, origin_id, uuid, position, sequence, name, type, secrecy, filed_at, copies, status,
    attempts, completed_at, storage_key, size, sha256, mime_type, crc32, error_code, error_message)
SELECT id, $1, '1º grau', place::text, 'uuid-' || place, place, place, name, 'Petição', 'PUBLIC', filed_at, '[]',
    CASE WHEN key IS NULL THEN 'failed' ELSE 'available' END, 1, now(), key, size, sha256, mime_type, crc32,
    CASE WHEN key IS NULL THEN 'portal_error' END, CASE WHEN key IS NULL THEN 'The portal failed.' END
FROM jsonb_to_recordset($2::jsonb) AS given (
    id uuid, place integer, name text, filed_at timestamptz, key text, size bigint, sha256 text, mime_type text,
    crc32 bigint)
"""


@dataclass(frozen=True)
class Given:
    """One document of a case: its name and its file, if it has one."""

    name: str
    file: StoredFile | None = None


async def put_case(service: Service, number: str, documents: list[Given]) -> None:
    """Write the rows of a case, with its documents in this order."""
    digits = "".join(filter(str.isdigit, number))
    await service.fetch("INSERT INTO processes (number, court, listed_at) VALUES ($1, 'TRF3', now())", digits)
    rows = [_row(digits, place, document) for place, document in enumerate(documents, 1)]
    await service.fetch(_INSERT, digits, msgspec.json.encode(rows).decode())


def _row(digits: str, place: int, document: Given) -> dict[str, Any]:
    file = {} if document.file is None else msgspec.structs.asdict(document.file)
    given = {"id": uuid5(UUID(int=int(digits)), str(place)), "place": place, "name": document.name}
    return given | {"filed_at": FILED_AT} | file


def lay_down(directory: Path, key: str, content: bytes, mime_type: str = PDF) -> StoredFile:
    """Write an object into the directory of a bucket, before the server reads it."""
    path = directory / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return StoredFile(key, len(content), hashlib.sha256(content).hexdigest(), mime_type, crc32=zlib.crc32(content))


def lay_down_zeros(directory: Path, key: str, blocks: int) -> StoredFile:
    """Write a sparse object of `blocks` MiB of zeros, which takes no space on the disk."""
    path = directory / key
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        file.truncate(blocks * len(BLOCK))
    crc32 = 0
    for _ in range(blocks):
        digest.update(BLOCK)
        crc32 = zlib.crc32(BLOCK, crc32)
    return StoredFile(key, blocks * len(BLOCK), digest.hexdigest(), PDF, crc32=crc32)


def ask(api: Api, number: str) -> _RequestContextManager:
    """GET an archive: a context, or an awaitable for who closes the answer."""
    url = f"{api.base_url}/api/v1/processes/{number}/archive"
    # Large archives may take any time.
    timeout = aiohttp.ClientTimeout(total=None, sock_read=120)
    return api.session.get(url, headers={"Authorization": f"Bearer {api.api_key}"}, timeout=timeout)


def _append(file: BinaryIO, chunk: bytes) -> None:
    if len(chunk) > SECTOR and chunk == BLOCK[: len(chunk)]:
        file.seek(len(chunk), io.SEEK_CUR)
    else:
        file.write(chunk)


async def save(api: Api, number: str, path: Path) -> Mapping[str, str]:
    """Download an archive into a sparse file, and return the headers."""
    async with ask(api, number) as answer:
        assert answer.status == 200, await answer.text()
        with path.open("wb") as file:
            async for chunk in answer.content.iter_chunked(len(BLOCK)):
                _append(file, chunk)
        expect_documented("GET", answer.url.path, answer.status, answer.headers, None)
        return answer.headers


def read_as_stream(file: BinaryIO, *, crc32: bool = True) -> list[tuple[str, int]]:
    """Names and sizes of an archive that is read from its start to its end, as Java does it: by local headers alone.

    `crc32` False leaves the contents out. Raises AssertionError for what such a reader refuses.
    """
    found: list[tuple[str, int]] = []
    while (signature := file.read(4)) == b"PK\x03\x04":
        _, flags, method, _, _, checksum, packed, size, name_length, extra_length = struct.unpack(
            "<HHHHHIIIHH", file.read(26)
        )
        name, extra = file.read(name_length).decode(), file.read(extra_length)
        if size == packed == 0xFFFFFFFF:
            kind, length, size, packed = struct.unpack_from("<HHQQ", extra)
            assert (kind, length) == (1, 16), extra
        assert (flags & 0x08, method, packed) == (0, 0, size), name
        assert not crc32 or _crc32_of(file, size) == checksum, name
        if not crc32:
            file.seek(size, io.SEEK_CUR)
        found.append((name, size))
    assert signature in {b"PK\x01\x02", b"PK\x05\x06"}, signature
    return found


def _crc32_of(file: BinaryIO, size: int) -> int:
    value = 0
    while size:
        chunk = file.read(min(size, len(BLOCK)))
        assert chunk, "the archive ends within a file"
        value, size = zlib.crc32(chunk, value), size - len(chunk)
    return value


async def is_intact(path: Path) -> bool:
    """True if Python's zipfile command, and Info-ZIP's if installed, find no fault in an archive."""
    commands = [[sys.executable, "-m", "zipfile", "-t", str(path)]]
    if unzip := shutil.which("unzip"):
        commands.append([unzip, "-tqq", str(path)])
    return all([await succeeds(*each) for each in commands])


async def succeeds(*command: str) -> bool:
    """True if a command exits with 0."""
    ended = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, check=False, env={"LC_ALL": "C.UTF-8"}
    )
    return ended.returncode == 0


def length(path: Path) -> int:
    """Bytes of a file."""
    return path.stat().st_size
