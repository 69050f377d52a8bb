"""Whether the bucket does what the service needs of it: an object is written, read by a signed link, and removed."""

from service.domain.storage_keys import probe_key
from service.object_store import ObjectStore
from service.store_errors import StorageError

_CONTENT = b"Written by autos to try the bucket out.\n"


async def try_out(store: ObjectStore) -> None:
    """Raises `StorageError`. If this is cut off, the tidy-up of the bucket removes what is left."""
    key = probe_key()
    await store.put(key, [_CONTENT], "text/plain")
    try:
        _compare(await store.read_by_link(key))
    except StorageError:
        await store.discard(key)
        raise
    await store.remove(key)


def _compare(content: bytes) -> None:
    if content != _CONTENT:
        raise StorageError("the object store gave back other bytes than it was given", operation="GetObject")
