"""JSON bodies: read whole, decoded to a type, and refused with the name of the member that is wrong."""

import asyncio
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from service.api.framework.body_faults import invalid_body, refusal, repeated_members
from service.api.framework.state import ApiRequest
from service.http.problems import Problem

T = TypeVar("T")

MAX_BODY = 1024 * 1024  # bytes
BODY_TIMEOUT = 30.0  # seconds from the headers to the end of the body

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # some clients begin every text in UTF-8 with it


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For an operation without a body: an empty object is accepted, because some clients always send one."""


async def json_body(request: ApiRequest, kind: type[T]) -> T:
    """The body as a value of `kind`. The client may leave it out if all of its members are optional.

    Raises the problems of `json_bytes` and `decoded`.
    """
    return decoded(await json_bytes(request), kind)


async def no_body(request: ApiRequest) -> None:
    """For an operation without a body. Raises the problem `unknown_parameter` (400) if the body has members."""
    if _is_empty(request.headers) or not _is_json(request.headers):
        return
    try:
        await json_body(request, NoBody)
    except Problem as problem:
        # Other problems do not matter: without members the body asks for nothing.
        if problem.code == "unknown_parameter":
            raise


def is_optional(kind: Any) -> bool:
    """Whether a body may be left out, because all of its members are optional."""
    return not any(field.required for field in msgspec.structs.fields(kind))


def _is_empty(headers: Headers) -> bool:
    return "Transfer-Encoding" not in headers and headers.get("Content-Length", "0") == "0"


async def json_bytes(request: ApiRequest) -> bytes:
    """The body as it was sent.

    Raises the problems `unsupported_media_type` (415), `body_too_large` (413) and `request_timeout` (408), and
    `http_error` (400) for a client that has disconnected: only the log shows it.
    """
    if _is_empty(request.headers):
        return b""
    if not _is_json(request.headers):
        raise Problem("unsupported_media_type", "Send the body as application/json.")
    return await body_bytes(request)


async def body_bytes(request: ApiRequest) -> bytes:
    """The body, whatever its type. Raises the problems of `json_bytes`."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem("unsupported_media_type", "Send the body without Content-Encoding: it is not decoded.")
    return await read_body(request)


async def read_body(request: ApiRequest) -> bytes:
    """The body as it was sent, whatever its type. Raises the problems of `json_bytes`, but for that of the type."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await _read(request)
    except TimeoutError:
        headers = {"Connection": "close"}
        raise Problem("request_timeout", "The body did not come in time.", headers=headers) from None
    except ClientDisconnect:
        raise Problem("http_error", "The body did not come to its end.") from None


async def _read(request: ApiRequest) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            # Here and not in Starlette's own middleware, which responds in plain text and without a request id.
            raise Problem("body_too_large", f"The body may have {MAX_BODY} bytes at most.")
    return bytes(body)


def decoded(body: bytes, kind: type[T]) -> T:
    """A body as a value of `kind`.

    Raises the problems `invalid_json`, `invalid_body` and, for kinds that forbid them, `unknown_parameter` (400).
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if not body and is_optional(kind):
        return kind()
    try:
        return _decoded(body, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem("invalid_json", "The body is not JSON in UTF-8, or nested too deeply.") from None


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        value = msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise refusal(body, kind, error) from None
    if repeated := repeated_members(body, kind):
        raise invalid_body(*repeated)
    return value


def _is_json(headers: Headers) -> bool:
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))
