"""JSON bodies: read whole, decoded to a type, and refused with the name of the member that is wrong."""

import asyncio
import json
import re
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from service.api.framework.unknown_names import unknown_parameter
from service.api.state import ApiRequest
from service.http.problems import FieldError, Problem

T = TypeVar("T")

MAX_BODY = 1024 * 1024  # bytes
BODY_TIMEOUT = 30.0  # seconds from the headers to the end of the body

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # some clients begin every text in UTF-8 with it
_PLACE = re.compile(r" - at `\$\.?(?P<field>[^`]*)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<field>[^`]+)`")


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
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem("unsupported_media_type", "Send the body without Content-Encoding: it is not decoded.")
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
        value = msgspec.json.decode(body, type=kind)
        repeated = _repeated(body, kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem("invalid_json", "The body is not JSON in UTF-8, or nested too deeply.") from None
    if repeated:
        errors = tuple(FieldError(name, "It is given more than once.") for name in repeated)
        raise Problem("invalid_body", "The body is malformed.", errors=errors)
    return value


def _repeated(body: bytes, kind: Any) -> list[str]:
    """Members that are given more than once: msgspec would use the last one without an error."""
    names = [field.encode_name for field in msgspec.structs.fields(kind)]
    suspects = [name for name in names if body.count(b'"%b"' % name.encode()) > 1]
    if not suspects:
        return []  # so most bodies are decoded only once
    objects: list[list[str]] = []
    # Numbers stay strings: Python refuses to read one of more than 4,300 digits.
    json.loads(
        body,
        object_pairs_hook=lambda pairs: objects.append([name for name, _ in pairs]),
        parse_int=str,
        parse_float=str,
    )
    # The outermost object ends last.
    return [name for name in suspects if objects[-1].count(name) > 1]


def _is_json(headers: Headers) -> bool:
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def _invalid(text: str, kind: Any) -> Problem:
    """Name the member that is wrong. Of the values sent, msgspec's messages repeat only those of enumerations."""
    place = _PLACE.search(text)
    missing = _MISSING.search(text)
    reason = text[: place.start()] if place else text
    field = place["field"] if place else ""
    if unknown := _UNKNOWN.search(reason):
        known = [each.encode_name for each in msgspec.structs.fields(kind)]
        return unknown_parameter([unknown["field"]], known, noun="member")
    if missing:
        field, reason = f"{field}.{missing['field']}".lstrip("."), "It is required."
    elif reason.startswith("Invalid enum value"):
        reason = "It is not one of the allowed values."
    return Problem("invalid_body", "The body is malformed.", errors=(FieldError(field, reason),))
