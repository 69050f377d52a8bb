"""Compressed bodies are decoded in bounded pieces, and a truncated one is never accepted as complete."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import brotli
import pytest
from backports import zstd

from service.domain.errors import ErrorCode
from service.portal.decoding import DECODED_BYTES, GROWTH_FROM, codings, decoded
from service.portal.errors import Unavailable

TEXT = b"".join(b"%d. Vistos, etc.\n" % number for number in range(5000))
MIB = 1024 * 1024


def raw_deflate(content: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(content) + engine.flush()


SKIPPED = b"\x5a\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"xyz"
FORMS = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "x-gzip": ("x-gzip", gzip.compress(TEXT)),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "deflate without a header": ("deflate", raw_deflate(TEXT)),
    "deflate of the fastest level": ("deflate", zlib.compress(TEXT, 1)),
    "members": ("gzip", gzip.compress(TEXT[:1000]) + gzip.compress(b"") + gzip.compress(TEXT[1000:])),
    "followed by padding": ("gzip", gzip.compress(TEXT) + bytes(512)),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(TEXT))),
    "in both ways": ("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
    "brotli": ("br", brotli.compress(TEXT)),
    "brotli in small blocks": ("BR", brotli.compress(TEXT, quality=1, lgwin=10)),
    "zstd": ("zstd", zstd.compress(TEXT)),
    "zstd with a checksum": ("Zstd", zstd.compress(TEXT, options={zstd.CompressionParameter.checksum_flag: 1})),
    "zstd frames": ("zstd", zstd.compress(TEXT[:1000]) + SKIPPED + zstd.compress(b"") + zstd.compress(TEXT[1000:])),
    "zstd followed by padding": ("zstd", zstd.compress(TEXT) + bytes(512)),
    "brotli in zstd": ("br, zstd", zstd.compress(brotli.compress(TEXT))),
    "many members": ("gzip", b"".join(gzip.compress(line) for line in TEXT.splitlines(keepends=True))),
    "not at all": ("", TEXT),
}


async def pieces(body: bytes, step: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), step):
        yield body[start : start + step]


async def read(body: bytes, header: str = "gzip", step: int = 64 * 1024) -> bytes:
    return b"".join([chunk async for chunk in decoded(pieces(body, step), codings(header))])


async def refused(body: bytes, header: str = "gzip") -> ErrorCode:
    with pytest.raises(Unavailable) as error:
        await read(body, header)
    return error.value.code


@pytest.mark.parametrize(("header", "body"), FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("step", [1, 1000, 10**6])
async def test_a_compressed_body_is_what_was_compressed(header: str, body: bytes, step: int) -> None:
    assert await read(body, header, step) == TEXT


CUT = [
    "gzip",
    "deflate",
    "deflate without a header",
    "twice",
    "in both ways",
    "members",
    "brotli",
    "zstd",
    "zstd frames",
]


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("missing", [1, 100, 0.5])
async def test_a_body_that_was_cut_off_is_not_whole(name: str, missing: float) -> None:
    header, body = FORMS[name]
    kept = int(len(body) * missing) if missing < 1 else len(body) - int(missing)

    assert await refused(body[:kept], header) is ErrorCode.TRUNCATED


@pytest.mark.parametrize("kept", [1, 2, 9, 11])
@pytest.mark.parametrize("name", ["gzip", "brotli", "zstd"])
async def test_a_first_member_that_is_not_whole_is_cut_off(name: str, kept: int) -> None:
    header, body = FORMS[name]

    assert await refused(body[:kept], header) is ErrorCode.TRUNCATED


async def test_no_bytes_are_no_bytes_whatever_the_header_says() -> None:
    assert await read(b"") == await read(gzip.compress(b"")) == b""
    assert await read(b"", "br") == await read(brotli.compress(b""), "br") == b""
    assert await read(b"", "zstd") == await read(zstd.compress(b""), "zstd") == b""


@pytest.mark.parametrize(
    "body",
    [TEXT, b"%PDF-1.4 not compressed", gzip.compress(TEXT)[:500] + b"x" * 500, gzip.compress(TEXT)[:-8] + bytes(8)],
)
async def test_a_damaged_body_is_refused(body: bytes) -> None:
    assert await refused(body) is ErrorCode.ENCODING_REFUSED


@pytest.mark.parametrize("header", ["br", "zstd"])
@pytest.mark.parametrize("body", [TEXT, b"%PDF-1.4 not compressed", gzip.compress(TEXT)])
async def test_a_body_of_another_coding_is_refused(header: str, body: bytes) -> None:
    assert await refused(body, header) is ErrorCode.ENCODING_REFUSED


@pytest.mark.parametrize("step", [1, 1000, 10**6])
async def test_bytes_after_the_end_of_brotli_are_damage(step: int) -> None:
    with pytest.raises(Unavailable):
        await read(brotli.compress(TEXT) + bytes(9), "br", step)


async def test_a_zstd_window_that_is_larger_than_http_allows_is_refused() -> None:
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27}
    engine = zstd.ZstdCompressor(options=options)

    assert await refused(engine.compress(TEXT) + engine.flush(), "zstd") is ErrorCode.ENCODING_REFUSED


@pytest.mark.parametrize("header", ["compress", "gzip;q=1", "gzip, dcb", "gzip, br, gzip", "aes128gcm", "brotli"])
def test_other_codings_are_refused(header: str) -> None:
    with pytest.raises(Unavailable) as error:
        codings(header)

    assert error.value.code is ErrorCode.ENCODING_REFUSED


@pytest.mark.parametrize("header", ["", "identity", " Identity ", "identity,identity", ","])
def test_no_coding_is_none(header: str) -> None:
    assert codings(header) == ()


def bomb(header: str) -> bytes:
    """Zeros, 16 MiB more than are accepted without measure."""
    content = bytes(GROWTH_FROM + 16 * MIB)
    if header == "br":
        return bytes(brotli.compress(content, quality=5))
    if header == "zstd":
        return bytes(zstd.compress(content))
    body = zlib.compress(content, 9) if header == "deflate" else gzip.compress(content)
    return gzip.compress(body) if "," in header else body


@pytest.mark.parametrize("header", ["gzip", "deflate", "gzip, gzip", "br", "zstd"])
async def test_a_bomb_is_refused_and_takes_no_memory(header: str) -> None:
    body = bomb(header)
    lengths: list[int] = []

    async def measure() -> None:
        async for chunk in decoded(pieces(body, 64 * 1024), codings(header)):
            lengths.append(len(chunk))  # noqa: PERF401  (what came before the exception counts)

    tracemalloc.start()
    try:
        with pytest.raises(Unavailable) as error:
            await measure()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert error.value.code is ErrorCode.ENCODING_REFUSED
    assert max(lengths) <= 2 * DECODED_BYTES
    assert GROWTH_FROM - 2 * DECODED_BYTES < sum(lengths) <= GROWTH_FROM
    assert peak < 4 * MIB


async def test_what_grows_much_and_is_small_is_no_bomb() -> None:
    assert await read(gzip.compress(bytes(GROWTH_FROM))) == bytes(GROWTH_FROM)
