"""Tests what the service needs of the bucket: writes an object, reads it by a signed link, and deletes it."""

from service.domain.storage_keys import probe_key
from service.storage.object_store import ObjectStore
from service.storage.store_errors import StorageError

_OF_PARTS = frozenset({"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"})
_CONTENT = b"Written by autos to try the bucket out.\n"


async def try_out(store: ObjectStore) -> None:
    """Raises `StorageError`. If this is interrupted, the tidy-up of the bucket deletes the object later."""
    key = probe_key()
    await store.put(key, [_CONTENT], "text/plain")
    try:
        _compare(await store.read_by_link(key))
    except StorageError:
        await store.discard(key)
        raise
    await store.remove(key)


async def refuses_alone(store: ObjectStore, error: StorageError) -> bool:
    """Whether the store refuses only this object: it accepts a small probe that is written in the same way.

    In the same way, because a policy or a KMS key may allow small objects and deny multipart uploads.
    """
    if not error.is_refusal:
        return False
    key = probe_key()
    try:
        if error.operation in _OF_PARTS:
            await _put_in_parts(store, key)
        else:
            await store.put(key, [b"."], "text/plain")
    except StorageError:
        return False
    await store.discard(key)
    return True


async def _put_in_parts(store: ObjectStore, key: str) -> None:
    async with store.start_upload(key, "text/plain") as upload:
        await upload.put_part([b"."])
        await upload.complete()


def _compare(content: bytes) -> None:
    if content != _CONTENT:
        raise StorageError("the object store gave back other bytes than it was given", operation="GetObject")
