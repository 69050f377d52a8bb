"""Forms: what a page posts, of either encoding, with at most `MAX_BODY` bytes."""

from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

import msgspec

from service.api.framework.bodies import read_body
from service.api.framework.state import ApiRequest
from service.http.problems import Problem

FIELDS_MAX = 2000  # of one form
_URLENCODED, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


class Form(msgspec.Struct, frozen=True):
    """The fields of a form, each with its values."""

    fields: Mapping[str, Sequence[str]] = {}

    def text(self, name: str) -> str:
        """The first value without white space at its ends. Empty if the form has no such field."""
        return (self.fields.get(name) or [""])[0].strip()

    def texts(self, name: str) -> Sequence[str]:
        """All values of a field."""
        return self.fields.get(name) or []


async def read_form(request: ApiRequest) -> Form:
    """Read a form. A file is a field too, as text in UTF-8.

    Raises the problems of `read_body`, and `unsupported_media_type` (415) and `invalid_body` (400).
    """
    content_type = request.headers.get("Content-Type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    body = await read_body(request)
    if not body:
        return Form()
    try:
        if media_type == _URLENCODED:
            return _collected(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX))
        if media_type == _MULTIPART:
            return _collected(_parts(content_type, body))
    except ValueError:  # UnicodeDecodeError among them
        raise Problem("invalid_body", "The form is malformed.") from None
    raise Problem("unsupported_media_type", "Send the form as a browser does.")


def _collected(pairs: Sequence[tuple[str, str]]) -> Form:
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        # PostgreSQL stores no NUL, which no person types.
        fields.setdefault(name, []).append(value.replace("\x00", ""))
    return Form(fields)


def _parts(content_type: str, body: bytes) -> list[tuple[str, str]]:
    head = b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n"
    whole: Message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not whole.is_multipart():
        raise ValueError("it has no parts")
    parts = [each for each in whole.get_payload() if isinstance(each, Message)]
    return [(_name(each), _value(each)) for each in parts[:FIELDS_MAX]]


def _name(part: Message) -> str:
    return str(part.get_param("name", "", "content-disposition"))


def _value(part: Message) -> str:
    payload = part.get_payload(decode=True)
    # Editors on Windows write a byte order mark before a CSV.
    return payload.decode("utf-8-sig") if isinstance(payload, bytes) else ""
