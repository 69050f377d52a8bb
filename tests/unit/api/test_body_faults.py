"""A member that is wrong is named, with what it must be. The value, and the words of a library, are never repeated."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, inspect

from service.api.framework import bodies
from service.api.framework.body_faults import PARTS_MAX
from service.api.framework.operations import OperationRoute
from service.api.routes import ROUTES
from service.domain.described.words import in_words, shape
from service.http.problems import Problem

Colour = Annotated[str, shape("a colour, such as red", pattern="^(red|green)$")]


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """A body with a member of each kind."""

    numbers: Annotated[list[str], Meta(min_length=1, max_length=3)]
    colour: Colour | None = None
    payload: Annotated[dict[str, Any] | None, Meta(description="Anything.")] = None
    count: Annotated[int, Meta(ge=1)] = 1
    is_loud: bool = False

    def __post_init__(self) -> None:
        if self.count > 9:
            raise ValueError("There are too many of them.")


def refused(body: bytes) -> tuple[str, list[tuple[str, str]]]:
    with pytest.raises(Problem) as refusal:
        bodies.decoded(body, Wanted)
    return refusal.value.code, [(error.field, error.message) for error in refusal.value.errors]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b"[]", "", "It must be an object."),
        (b"{}", "numbers", "It is required."),
        (b'{"numbers": "secret"}', "numbers", "It must be a list of 1 to 3 items."),
        (b'{"numbers": []}', "numbers", "It must be a list of 1 to 3 items."),
        (b'{"numbers": ["a", 5]}', "numbers[1]", "It must be a string."),
        (b'{"numbers": ["a"], "colour": "secret"}', "colour", "It must be a colour, such as red."),
        (b'{"numbers": ["a"], "payload": "secret"}', "payload", "It must be an object."),
        (
            b'{"numbers": ["a"], "payload": {"a": 1, "b": 1e999}}',
            "payload[...]",
            "It must be a value whose numbers are in range.",
        ),
        (b'{"numbers": ["a"], "count": 0}', "count", "It must be a whole number of 1 or more."),
        (b'{"count": null, "numbers": 5}', "count", "It must be a whole number of 1 or more."),
        (b'{"numbers": ["a"], "is_loud": "secret"}', "is_loud", "It must be true or false."),
        (b'{"numbers": ["a"], "count": 0, "count": 1}', "count", "It is given more than once."),
        (b'{"numbers": ["a"], "count": 10}', "", "There are too many of them."),
    ],
)
def test_the_member_that_is_wrong_is_named_with_what_it_must_be(body: bytes, field: str, message: str) -> None:
    assert refused(body) == ("invalid_body", [(field, message)])


@pytest.mark.parametrize(
    ("body", "code"), [(b'{"x": 1, "count": 0}', "unknown_parameter"), (b'{"count": 0, "x": 1}', "invalid_body")]
)
def test_the_first_member_that_is_wrong_is_told(body: bytes, code: str) -> None:
    assert refused(body)[0] == code


@pytest.mark.parametrize("body", [b'{"count": 0, ', b'{"count": 0} {', b'{"x": tru}'])
def test_a_body_that_is_no_json_is_told_so_whatever_its_members_are(body: bytes) -> None:
    assert refused(body) == ("invalid_json", [])


def test_of_a_list_without_end_only_the_first_items_are_looked_at() -> None:
    items = [*(["a"] * PARTS_MAX), 5]

    assert refused(msgspec.json.encode({"numbers": items})) == (
        "invalid_body",
        [("numbers", "It must be a list of 1 to 3 items.")],
    )


def members() -> dict[str, Any]:
    """The type of every parameter and of every member of a body."""
    operations = [each for route in ROUTES if isinstance(route, OperationRoute) for each in route.operations.values()]
    kinds = [kind for each in operations for kind in (each.query, each.body) if kind is not None]
    return {f"{kind.__name__}.{each.name}": each.type for kind in kinds for each in msgspec.structs.fields(kind)}


@pytest.mark.parametrize("kind", members().values(), ids=members().keys())
def test_every_member_says_in_words_what_it_must_be(kind: Any) -> None:
    shown = repr(inspect.type_info(kind))

    assert in_words(kind)
    assert "pattern='" not in shown or "'words'" in shown, "a pattern is no sentence: use `shape`"
