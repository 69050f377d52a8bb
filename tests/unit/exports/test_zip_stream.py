"""The writer of archives, read back by Python's zipfile."""

import io
import struct
import zipfile
import zlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from service.exports.zip_stream import Entry, Files, zip_size, zip_stream
from tests.support.http.archives import read_as_stream

FILED = datetime(2024, 2, 29, 13, 45, 31)  # noqa: DTZ001  (ZIP knows no zones)
GIB = 1024**3
ZEROS = bytes(16 * 1024 * 1024)  # one chunk of a large content


async def pieces(content: bytes, size: int = 1000) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def zeros(size: int) -> AsyncGenerator[bytes, None]:
    for _ in range(size // len(ZEROS)):
        yield ZEROS
    yield bytes(size % len(ZEROS))


def entry(name: str, size: int, moment: datetime = FILED) -> Entry:
    return Entry(name, size, moment)


def entry_of(name: str, content: bytes, moment: datetime = FILED) -> Entry:
    return Entry(name, len(content), moment, zlib.crc32(content))


async def given(files: Iterable[tuple[Entry, AsyncGenerator[bytes, None]]]) -> Files:
    for each in files:
        yield each


async def written(files: Sequence[tuple[str, bytes]]) -> bytes:
    made = given((entry_of(name, content), pieces(content)) for name, content in files)
    return b"".join([chunk async for chunk in zip_stream(made)])


@pytest.mark.parametrize(
    "files",
    [
        [],
        [("empty.pdf", b"")],
        [("manifest.json", b"{}"), ("0001 - Petição.pdf", b"%PDF" * 100_000), ("0002 - 判決.html", b"<p>")],
        [(f"{place:04} - Decisão.pdf", b"%d" % place) for place in range(5000)],
    ],
)
async def test_what_was_written_is_read_back_and_as_long_as_was_said(files: list[tuple[str, bytes]]) -> None:
    body = await written(files)

    assert len(body) == zip_size(entry(name, len(content)) for name, content in files)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert [(each.filename, archive.read(each)) for each in archive.infolist()] == files
    assert read_as_stream(io.BytesIO(body)) == [(name, len(content)) for name, content in files]


async def test_the_same_files_make_the_same_archive() -> None:
    files = [("a.pdf", b"a" * 5000), ("b.pdf", b"b")]

    assert await written(files) == await written(files)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (FILED, (2024, 2, 29, 13, 45, 30)),
        (datetime(1888, 5, 13), (1980, 1, 1, 0, 0, 0)),  # noqa: DTZ001  (as above)
        (datetime(9999, 12, 31), (2107, 12, 31, 23, 59, 58)),  # noqa: DTZ001
    ],
)
async def test_a_file_has_its_own_time_as_far_as_dos_counts(moment: datetime, shown: tuple[int, ...]) -> None:
    body = b"".join([chunk async for chunk in zip_stream(given([(entry_of("a.pdf", b"a", moment), pieces(b"a"))]))])

    (info,) = zipfile.ZipFile(io.BytesIO(body)).infolist()
    assert info.date_time == shown


async def test_names_are_utf_8_and_files_readable_and_stored() -> None:
    (info,) = zipfile.ZipFile(io.BytesIO(await written([("Petição.pdf", b"%PDF")]))).infolist()

    assert info.flag_bits & 0x800
    assert info.external_attr >> 16 == 0o100644
    assert (info.compress_type, info.compress_size) == (zipfile.ZIP_STORED, 4)


async def test_small_files_share_a_chunk_and_large_ones_are_not_collected() -> None:
    small = [(entry(f"{place}.html", 10), pieces(b"0123456789")) for place in range(100)]
    large = [(entry("large.pdf", 1_000_000), pieces(bytes(1_000_000), 100_000))]

    assert len([chunk async for chunk in zip_stream(given(small))]) == 1
    assert max([len(chunk) async for chunk in zip_stream(given(large))]) < 100_200


async def test_a_file_that_fails_ends_the_stream_before_the_directory() -> None:
    async def failing() -> AsyncGenerator[bytes, None]:
        yield b"a" * 100_000
        raise KeyError("the store is gone")

    sent: list[bytes] = []

    async def send() -> None:
        files = [(entry("whole.pdf", 3), pieces(b"abc")), (entry("a.pdf", 200_000), failing())]
        async for chunk in zip_stream(given(files)):
            sent.append(chunk)  # noqa: PERF401  (what came before the exception counts)

    with pytest.raises(KeyError):
        await send()

    assert b"".join(sent).endswith(b"a" * 100_000)
    assert not zipfile.is_zipfile(io.BytesIO(b"".join(sent)))


async def test_a_stream_that_is_closed_early_closes_the_file_that_it_reads() -> None:
    closed: list[str] = []

    async def watched() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield bytes(100_000)
        finally:
            closed.append("closed")

    stream = zip_stream(given([(entry("endless.pdf", GIB), watched())]))
    await anext(stream)
    await stream.aclose()

    assert closed == ["closed"]


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([2 * GIB - 1, 1], id="the largest entry without ZIP64"),
        pytest.param([2 * GIB, 1], id="the smallest entry with ZIP64"),
        pytest.param([4 * GIB + GIB // 2, 1], id="an entry that ZIP alone cannot hold"),
        pytest.param([GIB] * 5 + [1], id="an offset that ZIP alone cannot hold"),
    ],
)
async def test_large_archives_have_the_fields_of_zip64(sizes: list[int], tmp_path: Path) -> None:
    # Only for the last file, which is read: a checksum of gigabytes of zeros would take too long.
    entries = [Entry(f"{place}.bin", size, FILED, zlib.crc32(b"\0")) for place, size in enumerate(sizes)]
    sparse = tmp_path / "archive.zip"
    with sparse.open("wb") as file:
        async for chunk in zip_stream(given((each, zeros(each.size)) for each in entries)):
            if chunk is ZEROS:
                file.seek(len(chunk), io.SEEK_CUR)
            else:
                file.write(chunk)

    assert sparse.stat().st_size == zip_size(entries)
    with zipfile.ZipFile(sparse) as archive:
        assert [each.file_size for each in archive.infolist()] == sizes
        assert archive.open(archive.infolist()[-1]).read() == b"\0"
    with sparse.open("rb") as file:
        assert [size for _, size in read_as_stream(file, crc32=False)] == sizes


async def test_more_entries_than_zip_alone_can_count() -> None:
    count = 0x10000
    body = await written([(f"{place:05}.txt", b"") for place in range(count)])

    # PK\6\6: the end record of ZIP64, whose count stands behind 32 bytes (APPNOTE 4.3.14).
    (counted,) = struct.unpack_from("<Q", body, body.rindex(b"PK\6\6") + 32)
    assert counted == count
    assert len(zipfile.ZipFile(io.BytesIO(body)).infolist()) == count
