"""JSON responses."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from service.http.slices import SLICE_SIZE, Slices


async def json_response(
    value: Any, slices: Slices, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Encode a typed value. Caches must not store it: responses have signed links."""
    content = await _encoded(value, slices)
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


async def _encoded(value: Any, slices: Slices) -> bytes:
    lists = {}
    if isinstance(value, msgspec.Struct):
        members = {name: getattr(value, name) for name in value.__struct_fields__}
        lists = {name: each for name, each in members.items() if isinstance(each, list) and len(each) > SLICE_SIZE}
    if lists:
        encoded = {name: await encoded_list(items, slices) for name, items in lists.items()}
        value = msgspec.structs.replace(value, **encoded)
    return msgspec.json.encode(value)


async def encoded_list(items: Sequence[Any], slices: Slices) -> msgspec.Raw:
    """Encode a list in slices, as a part of a response."""
    return msgspec.Raw(b"[" + b",".join(await slices.run(_members, items)) + b"]")


async def _members(items: Sequence[Any]) -> list[bytes]:
    """Some members of a list, without its brackets."""
    return [msgspec.json.encode(items)[1:-1]]
