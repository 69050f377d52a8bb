"""The object store with two real S3 servers: that of the local stack, and one that verifies requests strictly."""

import asyncio
import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from aiohttp import content_disposition_filename, parse_content_disposition

from service.domain.file_names import content_disposition
from service.storage.object_store import ObjectStore
from service.storage.store_errors import StorageError
from service.storage.store_upload import PART_SIZE
from tests.support.buckets import Bucket

PDF = "application/pdf"
NAME = 'Petição "inicial" nº 1 — 判決.pdf'
HOSTILE_NAMES = [
    "a\r\nX-Evil: 1\r\n\r\n<html>.pdf",
    'a"; filename="evil.exe',
    "a; filename*=UTF-8''evil.exe",
    'a\\"b.pdf',
    "100%0d%0aX-Evil:%201.pdf",
    "a&response-content-type=text/html&x=.pdf",
    "\u202efdp.exe",
]
NOWHERE = "http://127.0.0.1:9"  # the port of a service that no machine runs


def part(letter: bytes, size: int = PART_SIZE) -> list[bytes]:
    """A part in chunks of several sizes."""
    body = letter * size
    return [body[:1], body[1:70_000], body[70_000:]]


async def upload(store: ObjectStore, key: str, *parts: list[bytes]) -> None:
    async with store.start_upload(key, PDF) as begun:
        for each in parts:
            await begun.put_part(each)
        await begun.complete()


async def test_a_small_object_is_stored_as_it_is(bucket: Bucket, key: str) -> None:
    await bucket.store.put(key, [b"%PDF", b"", b"-1.4"], PDF)

    assert await bucket.read(key) == b"%PDF-1.4"


async def test_an_object_of_three_parts_is_stored_as_it_is(bucket: Bucket, key: str) -> None:
    parts = [part(b"a"), part(b"b"), part(b"c", 100_001)]

    await upload(bucket.store, key, *parts)

    stored = await bucket.read(key) or b""
    assert hashlib.sha256(stored).digest() == hashlib.sha256(b"".join(b"".join(each) for each in parts)).digest()
    assert await bucket.open_uploads(key) == []


async def test_nothing_is_visible_before_the_upload_is_complete(bucket: Bucket, key: str) -> None:
    async with bucket.store.start_upload(key, PDF) as begun:
        await begun.put_part(part(b"a"))
        await begun.put_part(part(b"b", 100_000))

        assert await bucket.open_uploads(key) == [key]
        assert await bucket.visible(key) == []
        await begun.complete()
    assert await bucket.visible(key) == [key]


@pytest.mark.parametrize("parts", [0, 1, 2])
async def test_a_failure_leaves_no_object_and_no_open_upload(bucket: Bucket, key: str, parts: int) -> None:
    async def fail() -> None:
        async with bucket.store.start_upload(key, PDF) as begun:
            for _ in range(parts):
                await begun.put_part(part(b"a"))
            raise KeyError("the document was not what was promised")

    with pytest.raises(KeyError):
        await fail()

    assert await bucket.is_empty(key)


async def test_leaving_without_completing_leaves_nothing(bucket: Bucket, key: str) -> None:
    async with bucket.store.start_upload(key, PDF) as begun:
        await begun.put_part(part(b"a"))

    assert await bucket.is_empty(key)


async def test_an_overwrite_shows_the_old_object_until_the_new_one_is_whole(bucket: Bucket, key: str) -> None:
    await bucket.store.put(key, [b"old"], PDF)

    async with bucket.store.start_upload(key, PDF) as begun:
        await begun.put_part(part(b"n"))
        assert await bucket.read(key) == b"old"
        await begun.put_part([b"ew"])
        assert await bucket.read(key) == b"old"
        await begun.complete()

    assert await bucket.read(key) == b"n" * PART_SIZE + b"ew"


async def test_an_overwrite_that_fails_leaves_the_old_object(bucket: Bucket, key: str) -> None:
    await bucket.store.put(key, [b"old"], PDF)
    async with bucket.store.start_upload(key, PDF) as begun:
        await begun.put_part(part(b"n"))

    assert await bucket.read(key) == b"old"


async def test_many_objects_can_be_stored_at_once(bucket: Bucket, key: str) -> None:
    keys = [f"processos/{number}/documentos/{number}/a.pdf" for number in range(100)]

    await asyncio.gather(*(bucket.store.put(key, [key.encode()], PDF) for key in keys))

    assert [await bucket.read(key) for key in keys] == [key.encode() for key in keys]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_a_name_adds_nothing_to_the_headers_of_a_download(bucket: Bucket, key: str, name: str) -> None:
    await bucket.store.put(key, [b"%PDF-1.4"], PDF)

    status, headers, _ = await bucket.follow(await bucket.store.link(key, name, PDF))

    assert (status, headers["Content-Disposition"]) == (200, content_disposition(name))
    assert "X-Evil" not in headers
    assert headers["Content-Type"] == PDF
    disposition, parameters = parse_content_disposition(headers["Content-Disposition"])
    assert (disposition, set(parameters)) == ("attachment", {"filename", "filename*"})


async def test_a_link_downloads_under_the_documents_own_name(bucket: Bucket, key: str) -> None:
    await bucket.store.put(key, [b"%PDF-1.4"], PDF)

    status, headers, body = await bucket.follow(await bucket.store.link(key, NAME, PDF))

    assert (status, body, headers["Content-Type"]) == (200, b"%PDF-1.4", PDF)
    assert headers["Content-Disposition"] == content_disposition(NAME)
    disposition, parameters = parse_content_disposition(headers["Content-Disposition"])
    assert (disposition, content_disposition_filename(parameters)) == ("attachment", NAME)


@pytest.mark.parametrize(
    ("age", "allowed"), [(timedelta(), True), (timedelta(seconds=30), True), (timedelta(seconds=70), False)]
)
async def test_a_link_dies_when_its_time_is_over(bucket: Bucket, key: str, age: timedelta, allowed: bool) -> None:
    await bucket.store.put(key, [b"x"], PDF)

    link = await bucket.store.link(key, NAME, PDF, moment=datetime.now(UTC) - age)
    status, _, body = await bucket.follow(link)

    assert bucket.store.link_ttl == 60
    assert ((status, body) == (200, b"x")) is allowed
    assert allowed or status in {400, 403}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Sentenca.pdf?", "Sentenca2.pdf?"),
        ("X-Amz-Expires=60", "X-Amz-Expires=61"),
        ("attachment", "inline"),
        ("application%2Fpdf", "text%2Fhtml"),
    ],
)
async def test_a_link_that_was_changed_is_refused(bucket: Bucket, key: str, right: str, wrong: str) -> None:
    await bucket.store.put(key, [b"x"], PDF)
    await bucket.store.put(key.replace("Sentenca", "Sentenca2"), [b"secret"], PDF)
    link = await bucket.store.link(key, NAME, PDF)
    assert right in link

    status, _, _ = await bucket.follow(link.replace(right, wrong))

    assert status in {400, 403}


async def test_a_link_that_another_key_signed_is_refused(bucket: Bucket, key: str) -> None:
    await bucket.store.put(key, [b"x"], PDF)

    async with bucket.reopened(secret_access_key=secrets.token_hex(20)) as stranger:
        status, _, _ = await bucket.follow(await stranger.link(key, NAME, PDF))

    assert status in {400, 403}


async def test_a_link_names_the_public_host_while_calls_go_to_the_inner_one(bucket: Bucket, key: str) -> None:
    async with bucket.reopened(public_endpoint_url="https://files.example:8443") as store:
        await store.put(key, [b"x"], PDF)
        link = urlsplit(await store.link(key, NAME, PDF))

    assert (link.scheme, link.netloc) == ("https", "files.example:8443")
    assert link.path == f"/{bucket.settings.bucket}/{key}"
    assert await bucket.visible(key) == [key]


async def test_a_link_is_signed_with_version_4(bucket: Bucket, key: str) -> None:
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in await bucket.store.link(key, NAME, PDF)


async def test_the_bucket_is_found_and_a_missing_one_is_not(bucket: Bucket, key: str) -> None:
    await bucket.store.check()
    async with bucket.reopened(bucket=f"missing-{secrets.token_hex(6)}") as store:
        with pytest.raises(StorageError, match="HeadBucket was answered 404"):
            await store.check()
        with pytest.raises(StorageError):
            await store.put(key, [b"x"], PDF)


async def test_wrong_credentials_are_a_storage_error_that_does_not_repeat_them(bucket: Bucket, key: str) -> None:
    secret = secrets.token_hex(20)
    async with bucket.reopened(secret_access_key=secret) as store:
        with pytest.raises(StorageError) as error:
            await store.put(key, [b"x"], PDF)
        with pytest.raises(StorageError):
            await upload(store, key, part(b"a"))

    assert secret not in f"{error.value!r} {error.value.__cause__!r}"
    assert await bucket.visible(key) == []


async def test_a_server_that_is_not_there_is_a_storage_error(bucket: Bucket, key: str) -> None:
    async with bucket.reopened(endpoint_url=NOWHERE, call_timeout=0.5) as store:
        with pytest.raises(StorageError):
            await store.put(key, [b"x"], PDF)
        with pytest.raises(StorageError):
            await upload(store, key, part(b"a"))
