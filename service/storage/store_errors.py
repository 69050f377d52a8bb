"""Errors of the object store, as one type that says what was asked and what the store answered."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

#: Refusals that are over after a while, or that say that the bytes were changed on the way.
_PASSING = frozenset(
    {"BadDigest", "IncompleteBody", "InvalidPart", "RequestTimeout", "SlowDown", "XAmzContentChecksumMismatch"}
    # Of credentials that are renewed, and of a clock.
    | {"ExpiredToken", "InvalidToken", "RequestExpired", "RequestTimeTooSkewed", "TokenRefreshRequired"}
)
_CODE = re.compile(r"[A-Za-z0-9.]{1,60}")
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_EXPECTED = re.compile(r"expecting '([^']{1,60})'")  # what stores write that have no element for the region


OPENING = "opening"  # the operation of a client that cannot be made: its error begins with the name of a setting
#: What botocore raises before it asks the store anything, by the name of the class.
_MALFORMED: Mapping[str, str] = {
    "InvalidRegionError": "S3_REGION (or AWS_DEFAULT_REGION): it is no name of a region",
    "ParamValidationError": "S3_BUCKET: it is no name of a bucket",
    "EndpointResolutionError": "S3_ENDPOINT_URL: it is no address of an object store",
    "ProfileNotFound": "AWS_PROFILE: there is no such profile",
    "ConfigParseError": "AWS_CONFIG_FILE: the file, or ~/.aws/config, cannot be read",
}


class StorageError(Exception):
    """The object store failed for longer than its client retries, or refused. Not the document's fault."""

    def __init__(
        self, message: str, *, operation: str = "", status: int | None = None, code: str = "", region: str = ""
    ) -> None:
        """`status` and `code` are what the store answered, if it did; `region` is where it says the bucket is."""
        super().__init__(message)
        self.operation = operation
        self.status = status
        self.code = code
        self.region = region

    @property
    def is_refusal(self) -> bool:
        """The store understood what it was asked and will answer the same to the same question."""
        is_passing = self.code in _PASSING or "Throttl" in self.code
        return self.status in {400, 403, 405, 411, 413, 501} and not is_passing


#: Seconds without a byte taken or an answer, after which a write is given up: people are told within a minute, and a
#: call in several parts takes up to ten more to clean up behind itself.
STALL = 40.0
Moved = Callable[[], None]


@asynccontextmanager
async def storage_errors(timeout: float, operation: str, *, stall: float | None = None) -> AsyncIterator[Moved]:
    """Raise `StorageError` for whatever fails in the block, or takes longer than `timeout` seconds.

    With `stall` also where so many seconds pass without a call of what is yielded.
    """
    loop = asyncio.get_running_loop()
    quiet, end = timeout if stall is None else stall, loop.time() + timeout
    is_open = True
    try:
        async with asyncio.timeout_at(min(end, loop.time() + quiet)) as limit:

            def moved() -> None:
                # A body may be sent for a moment longer than its caller waits.
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
    """Raise `StorageError` for settings with which botocore makes no client, and for credentials it cannot find."""
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
    # A store's message may name keys and hosts. Its code is one word.
    shown = code if _CODE.fullmatch(code) else ""
    answer = " ".join(each for each in (str(status or ""), "" if shown == str(status) else shown) if each)
    region = told_region(error.response)
    message = f"the object store failed: {operation} was answered {answer}"
    return StorageError(message, operation=operation, status=status, code=shown, region=region)


def told_region(response: Mapping[str, Any]) -> str:
    """The region of the bucket by an answer of the store, or nothing."""
    error = response.get("Error", {})
    told = (
        response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
        or error.get("Region")
        or "".join(_EXPECTED.findall(str(error.get("Message", "")))[:1])
    )
    return told if _REGION.fullmatch(told or "") else ""
