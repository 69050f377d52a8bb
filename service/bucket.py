"""The bucket as the processes open it, with one clear line where it is not there."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import structlog

from service.object_store import ObjectStore, open_object_store
from service.startup import StartupError
from service.store_errors import StorageError
from service.store_settings import StoreSettings

_OTHER_REGION = frozenset({"AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "PermanentRedirect"})


@asynccontextmanager
async def open_store(settings: StoreSettings, *, create_bucket: bool) -> AsyncIterator[ObjectStore]:
    """Open the bucket and ask for it, in its own region; make it where that is allowed and it is missing."""
    async with AsyncExitStack() as stack:
        try:
            store = await _open(stack, settings, create_bucket=create_bucket)
        except StorageError as error:
            raise StartupError(_reason(error)) from None
        yield store


async def _open(stack: AsyncExitStack, settings: StoreSettings, *, create_bucket: bool) -> ObjectStore:
    store = await stack.enter_async_context(open_object_store(settings))
    failure: StorageError | None = None
    try:
        told = await _check(store, create_bucket=create_bucket)
    except StorageError as error:
        failure, told = error, error.region
    if told not in {"", store.region}:
        other = await stack.enter_async_context(open_object_store(msgspec.structs.replace(settings, region=told)))
        # Some stores tell a region that they refuse themselves: then the first one stays, if it works.
        with contextlib.suppress(StorageError):
            await _check(other, create_bucket=create_bucket)
            structlog.get_logger().warning("bucket_in_other_region", region=told, configured=store.region)
            return other
    if failure is not None:
        raise failure
    return store


async def _check(store: ObjectStore, *, create_bucket: bool) -> str:
    """Ask for the bucket. Returns the region that the store names, or nothing."""
    try:
        return await store.check()
    except StorageError as error:
        if error.status == 404 and create_bucket:
            await _create(store)
            return error.region
        if error.status is not None:
            region = await store.list_one()
            if region != store.region:
                return region
        raise


async def _create(store: ObjectStore) -> None:
    try:
        await store.create_bucket()
    except StorageError:
        # Another process may have been faster.
        await store.check()


def _reason(error: StorageError) -> str:
    if error.code in _OTHER_REGION:
        answer = f"{error.status} {error.code}"
        return f"S3_REGION: the bucket is in another region, and the object store does not say in which ({answer})"
    return f"S3_BUCKET: {_trouble(error)}"


def _trouble(error: StorageError) -> str:
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
