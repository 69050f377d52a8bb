"""What is wrong with a JSON body that is no value of its type: which member, and what it has to be."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from service.api.framework.queries import required_type
from service.api.framework.unknown_names import unknown_parameter
from service.domain.described.words import in_words
from service.http.problems import FieldError, Problem

_Parts = TypeVar("_Parts", list[msgspec.Raw], dict[str, msgspec.Raw])

PARTS_MAX = 1000  # items of a list that are looked at one by one


def invalid_body(*errors: FieldError) -> Problem:
    """The problem `invalid_body` (400)."""
    return Problem("invalid_body", "The body is malformed.", errors=errors)


def refusal(body: bytes, kind: Any, error: msgspec.ValidationError) -> Problem:
    """The problem of the first member that is wrong. `error` is raised when `body` is decoded as a `kind`.

    Raises `msgspec.DecodeError` or `UnicodeDecodeError` if the body is not JSON.
    """
    if (members := _whole(body, dict[str, msgspec.Raw])) is None:
        return invalid_body(FieldError("", "It must be an object."))
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, value in members.items():
        if name not in fields and kind.__struct_config__.forbid_unknown_fields:
            return unknown_parameter([name], fields, noun="member")
        if name in fields and (wrong := _fault(name, value, fields[name].type)) is not None:
            return invalid_body(wrong)
    missing = [name for name, field in fields.items() if field.required and name not in members]
    if missing:
        return invalid_body(FieldError(missing[0], "It is required."))
    if repeated := repeated_members(body, kind):
        return invalid_body(*repeated)
    # The members are right one by one: `__post_init__` refused them, and its sentence is ours.
    return invalid_body(FieldError("", str(error.__cause__ or "It has a member that is not allowed.")))


def repeated_members(body: bytes, kind: Any) -> list[FieldError]:
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
    repeated = [name for name in suspects if objects[-1].count(name) > 1]
    return [FieldError(name, "It is given more than once.") for name in repeated]


def _fault(path: str, value: msgspec.Raw, kind: Any) -> FieldError | None:
    """What is wrong with the value at `path`, or with the first wrong part of it. None if it is right."""
    try:
        msgspec.json.decode(value, type=kind)
    except msgspec.ValidationError:
        parts = islice(_parts(value, _bare(kind)), PARTS_MAX)
        wrong = (_fault(f"{path}{place}", part, inner) for place, part, inner in parts)
        return next(filter(None, wrong), None) or FieldError(path, f"It must be {in_words(kind)}.")
    return None


def _parts(value: msgspec.Raw, kind: Any) -> Iterator[tuple[str, msgspec.Raw, Any]]:
    """The items of a list and the members of an object, each with its place and its type. Other values have no part."""
    if get_origin(kind) is list:
        for position, item in enumerate(_whole(value, list[msgspec.Raw]) or ()):
            yield f"[{position}]", item, get_args(kind)[0]
    if get_origin(kind) is dict:
        for member in (_whole(value, dict[str, msgspec.Raw]) or {}).values():
            yield "[...]", member, get_args(kind)[1]


def _whole(value: bytes | msgspec.Raw, kind: type[_Parts]) -> _Parts | None:
    """The list or object, with its parts not decoded. None if the value is neither."""
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.ValidationError:
        return None


def _bare(kind: Any) -> Any:
    """The type without annotations and without None."""
    inner = get_args(kind)[0] if get_origin(kind) is Annotated else required_type(kind)
    return kind if inner is kind else _bare(inner)
