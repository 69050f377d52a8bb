"""Errors of the object store, as one type with the operation and the store's response."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

#: Codes of refusals that a retry may overcome: they pass after a while, or the bytes were damaged in transit.
_PASSING = frozenset(
    {"BadDigest", "IncompleteBody", "InvalidPart", "RequestTimeout", "SlowDown", "XAmzContentChecksumMismatch"}
    # Credentials that are renewed, and a wrong clock.
    | {"ExpiredToken", "InvalidToken", "RequestExpired", "RequestTimeTooSkewed", "TokenRefreshRequired"}
)
_CODE = re.compile(r"[A-Za-z0-9.]{1,60}")
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_EXPECTED = re.compile(r"expecting '([^']{1,60})'")  # in the message of stores that send no region element


OPENING = "opening"  # the operation if no client can be created: the error starts with the name of a setting
#: What botocore raises before any request, by the name of the class.
_MALFORMED: Mapping[str, str] = {
    "InvalidRegionError": "S3_REGION (or AWS_DEFAULT_REGION): it is no name of a region",
    "ParamValidationError": "S3_BUCKET: it is no name of a bucket",
    "EndpointResolutionError": "S3_ENDPOINT_URL: it is no address of an object store",
    "ProfileNotFound": "AWS_PROFILE: there is no such profile",
    "ConfigParseError": "AWS_CONFIG_FILE: the file, or ~/.aws/config, cannot be read",
}


class StorageError(Exception):
    """The object store failed, also after the client's retries, or refused. Not the document's fault."""

    def __init__(
        self, message: str, *, operation: str = "", status: int | None = None, code: str = "", region: str = ""
    ) -> None:
        """`status` and `code` are of the store's response, if any. `region`: the bucket's, if the store named it."""
        super().__init__(message)
        self.operation = operation
        self.status = status
        self.code = code
        self.region = region

    @property
    def is_refusal(self) -> bool:
        """Whether the store would refuse the same request again, so that a retry is useless."""
        is_passing = self.code in _PASSING or "Throttl" in self.code
        return self.status in {400, 403, 405, 411, 413, 501} and not is_passing


#: Seconds after which a write fails if the store neither takes a byte nor answers. Below a minute, so that the failure
#: is reported within one: a multipart upload takes up to ten more seconds to abort.
STORE_STALL_TIMEOUT = 40.0
Moved = Callable[[], None]


@asynccontextmanager
async def storage_errors(timeout: float, operation: str, *, stall: float | None = None) -> AsyncIterator[Moved]:
    """Raises `StorageError` for every failure in the block, and if it takes longer than `timeout` seconds.

    With `stall`, also if the yielded function is not called for `stall` seconds.
    """
    loop = asyncio.get_running_loop()
    quiet, end = timeout if stall is None else stall, loop.time() + timeout
    is_open = True
    try:
        async with asyncio.timeout_at(min(end, loop.time() + quiet)) as limit:

            def moved() -> None:
                # The body may still be sent for a short time after the block has ended.
                if is_open and not limit.expired():
                    limit.reschedule(min(end, loop.time() + quiet))

            try:
                yield moved
            finally:
                is_open = False
    except ClientError as error:
        raise _refused(error, operation) from error
    except (BotoCoreError, ResponseParserError, aiohttp.ClientError, TimeoutError, OSError) as error:
        is_late = type(error) is TimeoutError
        why = f"{operation} had no answer in time (TimeoutError)" if is_late else f"{operation}, {type(error).__name__}"
        message = f"the object store failed: {why}"
        raise StorageError(message, operation=operation) from error


@contextmanager
def opening_errors() -> Iterator[None]:
    """Raises `StorageError` if botocore cannot create a client from the settings, or finds no credentials."""
    try:
        yield
    except (BotoCoreError, ValueError, OSError) as error:
        name = type(error).__name__
        is_address = str(error).startswith("Invalid endpoint")
        words = _MALFORMED["EndpointResolutionError"] if is_address else _MALFORMED.get(name)
        reason = words or f"AWS_ACCESS_KEY_ID: it is not set, and the AWS chain fails ({name})"
        raise StorageError(reason, operation=OPENING) from error


def _refused(error: ClientError, operation: str) -> StorageError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = str(error.response.get("Error", {}).get("Code", ""))
    # Only the code, which is one word: a store's message may name keys and hosts.
    shown = code if _CODE.fullmatch(code) else ""
    answer = " ".join(each for each in (str(status or ""), "" if shown == str(status) else shown) if each)
    region = told_region(error.response)
    message = f"the object store failed: {operation} was answered {answer}"
    return StorageError(message, operation=operation, status=status, code=shown, region=region)


def told_region(response: Mapping[str, Any]) -> str:
    """The region of the bucket in a response of the store, or an empty string."""
    error = response.get("Error", {})
    told = (
        response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
        or error.get("Region")
        or "".join(_EXPECTED.findall(str(error.get("Message", "")))[:1])
    )
    return told if _REGION.fullmatch(told or "") else ""
