"""The schemas of the types, with the descriptions from their annotations, and with examples."""

from collections.abc import Callable, Iterable, Mapping
from enum import EnumMeta
from typing import Any, get_args

import msgspec
import msgspec.inspect

from service.domain.described.enums import DescribedEnum

_REFERENCE = "#/components/schemas/{name}"


def key(kind: Any) -> str:
    """The key of a type in a dict: not every type can be hashed."""
    return repr(kind)


def schemas_of(
    kinds: Iterable[Any], examples: Callable[[Any], Iterable[msgspec.Struct]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of each type by its key, and the components that the schemas refer to."""
    listed = list(kinds)
    references, components = msgspec.json.schema_components(listed, ref_template=_REFERENCE)
    for name, kind in _named(listed, references).items():
        if isinstance(kind, EnumMeta):
            _describe_values(components[name], kind)
        else:
            _exemplify(components[name]["properties"], examples(kind))
    return dict(zip(map(key, listed), references, strict=True)), components


def parameter_schema(kind: Any) -> dict[str, Any]:
    """The schema of a parameter, without references."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    while "$ref" in schema:
        schema = {**components[schema["$ref"].rpartition("/")[2]], **{k: v for k, v in schema.items() if k != "$ref"}}
    return dict(schema)


def _describe_values(schema: dict[str, Any], kind: EnumMeta) -> None:
    schema["type"] = "string"
    if issubclass(kind, DescribedEnum):
        lines = "\n".join(f"- `{member}`: {member.description}" for member in kind)
        schema["description"] = f"{schema.get('description', '')}\n\n{lines}".strip()


def _exemplify(properties: Mapping[str, Any], examples: Iterable[msgspec.Struct]) -> None:
    """Give each member the first value that is not empty as its example."""
    for example in examples:
        for member, value in msgspec.to_builtins(example).items():
            if value not in (None, [], {}) and "examples" not in properties[member]:
                properties[member]["examples"] = [value]


def _named(kinds: Iterable[Any], references: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Every struct and enumeration of these types by the name of its component."""
    found: dict[str, Any] = {}
    _collect(msgspec.inspect.multi_type_info(kinds), found)
    # A generic type has only the name that msgspec makes for it.
    generic = [(kind, reference["$ref"]) for kind, reference in zip(kinds, references, strict=True) if get_args(kind)]
    return found | {reference.rpartition("/")[2]: kind for kind, reference in generic}


def _collect(node: Any, found: dict[str, type]) -> None:
    """Every struct and enumeration below a description of types, by its name."""
    if isinstance(node, msgspec.inspect.EnumType):
        found[node.cls.__name__] = node.cls
    elif isinstance(node, msgspec.inspect.StructType) and isinstance(node.cls, type):
        if node.cls.__name__ in found:
            return
        found[node.cls.__name__] = node.cls
    if isinstance(node, tuple | list):
        for member in node:
            _collect(member, found)
    elif isinstance(node, msgspec.Struct):
        _collect([getattr(node, name) for name in node.__struct_fields__ if name != "cls"], found)
