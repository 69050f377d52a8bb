"""The bucket as the processes open it, with one clear line where it is not there."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from service.object_store import ObjectStore, StoreSettings, open_object_store
from service.startup import StartupError
from service.store_errors import StorageError


@asynccontextmanager
async def open_store(settings: StoreSettings, *, create_bucket: bool) -> AsyncIterator[ObjectStore]:
    """Open the bucket and ask for it; make it where that is allowed and it is missing."""
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(open_object_store(settings))
            await _check(store, create_bucket=create_bucket)
        except StorageError as error:
            raise StartupError(f"S3_BUCKET: {_reason(error)}") from None
        yield store


async def _check(store: ObjectStore, *, create_bucket: bool) -> None:
    try:
        await store.check()
    except StorageError as error:
        if error.status == 404 and create_bucket:
            await _create(store)
            return
        if error.status is not None:
            await store.list_one()
        raise


async def _create(store: ObjectStore) -> None:
    try:
        await store.create_bucket()
    except StorageError:
        # Another process may have been faster.
        await store.check()


def _reason(error: StorageError) -> str:
    if error.status is None:
        cause = error.__cause__
        return str(error) if cause is None else f"the object store cannot be reached ({type(cause).__name__})"
    answer = f"{error.status} {error.code}".strip()
    if error.status == 404:
        return f"the bucket does not exist ({answer})"
    if error.code == "RequestTimeTooSkewed":
        return f"the object store says that the clock of this machine is wrong ({answer})"
    if error.status in {400, 401, 403}:
        return f"the object store refuses the credentials or denies the bucket ({answer})"
    return f"the object store fails ({answer})"
