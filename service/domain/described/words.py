"""Type annotations in words, for messages about wrong values.

The messages of msgspec show its own names of types and its regular expressions, and sometimes the value itself.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Meta, inspect

_WORDS = "words"


def shape(words: str, *, pattern: str, **limits: Any) -> Meta:
    """The annotation of a string with a pattern. `words` say what the pattern allows, such as "a name of letters"."""
    return Meta(pattern=pattern, extra={_WORDS: words}, **limits)


def in_words(kind: Any) -> str:
    """What a value of the type is, such as "a whole number from 1 to 200". Null is left out, even if it is allowed."""
    return _in_words(inspect.type_info(kind))


def _in_words(node: inspect.Type) -> str:
    return _KINDS[type(node)](node)


def _one_of(values: Iterable[object]) -> str:
    listed = [str(value) for value in values]
    return " or ".join(listed) if len(listed) < 3 else f"one of {', '.join(listed)}"


def _bounds(least: float | None, most: float | None) -> str:
    if least is None:
        return "" if most is None else f" up to {most}"
    return f" of {least} or more" if most is None else f" from {least} to {most}"


def _lengths(least: int | None, most: int | None, unit: str) -> str:
    if most is None:
        return f" of at least {least} {unit}" if least else ""
    return f" of {least} to {most} {unit}" if least else f" of up to {most} {unit}"


_KINDS: Mapping[type[inspect.Type], Callable[[Any], str]] = {
    inspect.Metadata: lambda node: (node.extra or {}).get(_WORDS) or _in_words(node.type),
    inspect.UnionType: lambda node: " or ".join(
        _in_words(each) for each in node.types if not isinstance(each, inspect.NoneType)
    ),
    inspect.LiteralType: lambda node: _one_of(node.values),
    inspect.EnumType: lambda node: _one_of(each.value for each in node.cls),
    inspect.BoolType: lambda _node: "true or false",
    inspect.IntType: lambda node: f"a whole number{_bounds(node.ge, node.le)}",
    inspect.StrType: lambda node: f"a string{_lengths(node.min_length, node.max_length, 'characters')}",
    inspect.DateTimeType: lambda _node: "a time with its zone, such as 2026-01-31T12:00:00Z",
    inspect.UUIDType: lambda _node: "a UUID",
    inspect.ListType: lambda node: f"a list{_lengths(node.min_length, node.max_length, 'items')}",
    inspect.DictType: lambda _node: "an object",
    inspect.AnyType: lambda _node: "a value whose numbers are in range",
}
