"""Opens the bucket at the start of a process, with one clear line for each failure."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import msgspec
import structlog

from service.domain.environment.startup import StartupError
from service.storage.bucket_probe import try_out
from service.storage.object_store import ObjectStore, open_object_store
from service.storage.store_errors import OPENING, StorageError
from service.storage.store_settings import StoreSettings

_LOOKS = frozenset({"", "CreateBucket", "HeadBucket", "ListObjectsV2", "new credentials"})
_OTHER_REGION = frozenset({"AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "PermanentRedirect"})


@asynccontextmanager
async def open_store(
    settings: StoreSettings, *, create_bucket: bool, is_strict: bool = False
) -> AsyncIterator[ObjectStore]:
    """Open the bucket in its own region and test it. With `create_bucket`, create it if it is missing.

    Raises `StartupError` if the bucket cannot be opened or refuses what the service needs. If the test fails for
    another reason, raises it only with `is_strict`: objects may still be readable.
    """
    async with AsyncExitStack() as stack:
        try:
            store = await _open(stack, settings, create_bucket=create_bucket, is_strict=is_strict)
        except StorageError as error:
            raise StartupError(_reason(error)) from None
        yield store


async def _open(stack: AsyncExitStack, settings: StoreSettings, *, create_bucket: bool, is_strict: bool) -> ObjectStore:
    store = await stack.enter_async_context(open_object_store(settings))
    failure: StorageError | None = None
    try:
        told = await _check(store, create_bucket=create_bucket)
        if told in {"", store.region}:
            await _try_out(store, is_strict=is_strict)
            return store
    except StorageError as error:
        failure, told = error, error.region
    if told not in {"", store.region}:
        other = await stack.enter_async_context(open_object_store(msgspec.structs.replace(settings, region=told)))
        # Some stores name a region that they then refuse: the configured one is used, if it works.
        with contextlib.suppress(StorageError):
            await _check(other, create_bucket=create_bucket)
            await _try_out(other, is_strict=is_strict)
            structlog.get_logger().warning("bucket_in_other_region", region=told, configured=store.region)
            return other
    if failure is not None:
        raise failure
    await _try_out(store, is_strict=is_strict)
    return store


async def _try_out(store: ObjectStore, *, is_strict: bool) -> None:
    try:
        await try_out(store)
    except StorageError as error:
        if is_strict or error.is_refusal:
            raise
        structlog.get_logger().warning("bucket_not_tried_out", reason=str(error))


async def _check(store: ObjectStore, *, create_bucket: bool) -> str:
    """Check that the bucket exists. Return the region that the store names, or ""."""
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
    if error.operation == OPENING:
        return str(error)
    if error.code in _OTHER_REGION:
        answer = f"{error.status} {error.code}"
        return f"S3_REGION: the bucket is in another region, and the object store does not say in which ({answer})"
    if error.operation in _LOOKS:
        certificate = _certificate_fault(error)
        return certificate or f"S3_BUCKET: {_trouble(error)}"
    return f"S3_BUCKET: an object cannot be written, read and removed: {error}"


def _certificate_fault(error: BaseException) -> str | None:
    """Return the reason of a TLS error, which botocore and aiohttp wrap in others; None if there is none."""
    following: BaseException | None = error
    while following is not None:
        if isinstance(following, aiohttp.ClientConnectorCertificateError):
            following = following.certificate_error
        if isinstance(following, ssl.SSLCertVerificationError):
            reason = f"the certificate of the object store is not trusted: {following.verify_message}"
            return f"S3_ENDPOINT_URL: {reason}; a private CA belongs into AWS_CA_BUNDLE"
        following = following.__cause__ or following.__context__
    return None


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
