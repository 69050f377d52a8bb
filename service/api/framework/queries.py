"""Query parameters as typed values: the members of a struct are the parameters that an operation has."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from service.api.framework.state import ApiRequest
from service.api.framework.unknown_names import unknown_parameter
from service.domain.described.words import in_words
from service.http.problems import FieldError, Problem

Query = TypeVar("Query", bound=msgspec.Struct)

_ABSENT = (type(None), msgspec.UnsetType)
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"  # PostgreSQL takes no NUL in a text


class NoQuery(msgspec.Struct, frozen=True):
    """An operation without query parameters."""


def read_query(request: ApiRequest, kind: type[Query]) -> Query:
    """The parameters as a value of `kind`.

    Raises the problems `unknown_parameter` and `invalid_parameter` (400), which name every parameter that is wrong.
    """
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    if unknown := [name for name in dict.fromkeys(request.query_params) if name not in known]:
        raise unknown_parameter(unknown, known, noun="parameter")
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for field in msgspec.structs.fields(kind):
        given = request.query_params.getlist(field.encode_name)
        if not given:
            continue
        value, message = _converted(given, required_type(field.type))
        values[field.name] = value
        if message:
            errors.append(FieldError(field.encode_name, message))
    if errors:
        names = ", ".join(error.field for error in errors)
        raise Problem("invalid_parameter", f"Malformed parameters: {names}.", errors=tuple(errors))
    return kind(**values)


def required_type(kind: Any) -> Any:
    """The type without None and UNSET: for a parameter that is given, the word `null` is not a value."""
    options = get_args(kind)
    rest = [each for each in options if each not in _ABSENT]
    return rest[0] if len(rest) == 1 and len(rest) < len(options) else kind


def _converted(given: list[str], kind: Any) -> tuple[Any, str]:
    """The value, and a sentence on what is wrong, which is empty if nothing is."""
    if len(given) > 1:
        return None, "It is given more than once."
    base = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    text = given[0]
    try:
        if base is int and not (text.isascii() and text.isdigit()):
            return None, f"It must be {in_words(kind)}."
        if base is datetime:
            # A plus sign that was not escaped arrives as a space.
            return msgspec.convert(text.replace(" ", "+"), kind).astimezone(UTC), ""
        return msgspec.convert(text, kind, strict=False), ""
    except (msgspec.ValidationError, OverflowError):
        return None, f"It must be {in_words(kind)}."
