"""Bytes that fill a document up to its size, without ever holding them all."""

import hashlib
from collections.abc import Iterator

CHUNK_BYTES = 64 * 1024


def filler(seed: str, length: int) -> Iterator[bytes]:
    """`length` ASCII bytes in chunks of `CHUNK_BYTES`, the same for the same seed.

    Each chunk begins with its own number, so that chunks put in the wrong order change the digest.
    """
    base = hashlib.shake_256(seed.encode()).hexdigest(min(length, CHUNK_BYTES) // 2 + 1).encode()
    for index, start in enumerate(range(0, length, CHUNK_BYTES)):
        chunk = b"%016d" % index + base[16:CHUNK_BYTES]
        yield chunk[: length - start]
