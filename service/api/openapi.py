"""`/openapi.json`: OpenAPI 3.1, made from the routes and types that serve the requests."""

import inspect
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import msgspec.inspect
from starlette.routing import BaseRoute

from service.api.bodies import is_optional
from service.api.operations import Access, Operation, OperationRoute, Reply
from service.api.parameters import CaseNumber
from service.api.problems import CATALOGUE, MEDIA_TYPE, ProblemView
from service.api.queries import required_type

VERSION = "1.0.0"  # of the contract, not of the software
_REFERENCE = "#/components/schemas/{name}"
_DESCRIPTION = """\
Fetches every document of a Brazilian court case into your S3 bucket and calls you back when the file is complete.

Send your API key as `Authorization: Bearer <key>`. Errors are problems after RFC 9457 with a stable `code`. Lists are \
pages: follow `next_cursor` until it is null. Times are RFC 3339 in UTC, sizes are bytes.\
"""
_MEMBER = re.compile(r"^    (\w+): [^#\n]*#: (.+)$", re.MULTILINE)
_PATH = re.compile(r"{(\w+)}")
_PATH_SENTENCES: Mapping[str, str] = {
    "document_id": "The id of the document, from its case.",
    "job_id": "The id of the job.",
    "delivery_id": "The id of the delivery.",
    "user_id": "The id of the user.",
    "key_id": "The id of the API key; not the key.",
}
_HEADERS: Mapping[str, tuple[str, Any]] = {
    "X-Request-ID": ("The id of the request, the client's own where it sent a well-formed one.", {"type": "string"}),
    "RateLimit-Limit": ("Requests that the key may make in the window.", {"type": "integer"}),
    "RateLimit-Remaining": ("Requests that are left in the window.", {"type": "integer"}),
    "RateLimit-Reset": ("Seconds until the next request is possible or the window ends.", {"type": "integer"}),
    "Retry-After": ("Seconds after which to ask again.", {"type": "integer"}),
    "WWW-Authenticate": ("How to authenticate.", {"type": "string"}),
    "Allow": ("The methods of the path.", {"type": "string"}),
    "Location": ("Where the document is, for as long as the link lives.", {"type": "string", "format": "uri"}),
    "Content-Length": ("The size in bytes, known beforehand.", {"type": "integer"}),
    "Content-Disposition": ("The name of the file.", {"type": "string"}),
}
_ALWAYS = ("X-Request-ID",)
_RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
#: What a problem has beyond the headers of every answer.
_PROBLEM_HEADERS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", *_RATE),
    503: ("Retry-After",),
}


def document(routes: Iterable[BaseRoute], *, server: str) -> dict[str, Any]:
    """The whole document. `server` is where clients reach the API."""
    found = [(route.path, method, operation) for route, method, operation in _operations(routes)]
    kinds = [kind for _, _, operation in found for kind in (operation.body, operation.answer) if kind is not None]
    references, components = msgspec.json.schema_components([*kinds, ProblemView], ref_template=_REFERENCE)
    schemas = dict(zip([*map(_key, kinds), _key(ProblemView)], references, strict=True))
    _describe_members(components, [*kinds, ProblemView])
    paths: dict[str, dict[str, Any]] = {}
    for path, method, operation in found:
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Autos", "version": VERSION, "description": _DESCRIPTION, "license": {"name": "MIT"}},
        "servers": [{"url": server}],
        "security": [{"api_key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": {
                name: {"description": sentence, "required": True, "schema": schema}
                for name, (sentence, schema) in _HEADERS.items()
            },
            "securitySchemes": {"api_key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }


def _describe_members(components: Mapping[str, Any], kinds: Iterable[Any]) -> None:
    """Say of each member what the comment beside it says."""
    found: dict[str, type] = {}
    _collect(msgspec.inspect.multi_type_info(kinds), found)
    for name, kind in found.items():
        for member, sentence in _MEMBER.findall(inspect.getsource(kind)):
            components[name]["properties"][member].setdefault("description", sentence)


def _collect(node: Any, found: dict[str, type]) -> None:
    """Every struct below a description of types, by its name."""
    if isinstance(node, msgspec.inspect.StructType) and isinstance(node.cls, type):
        if node.cls.__name__ in found:
            return
        found[node.cls.__name__] = node.cls
    if isinstance(node, tuple | list):
        for member in node:
            _collect(member, found)
    elif isinstance(node, msgspec.Struct):
        _collect([getattr(node, name) for name in node.__struct_fields__ if name != "cls"], found)


def _operations(routes: Iterable[BaseRoute]) -> Iterable[tuple[OperationRoute, str, Operation]]:
    for route in routes:
        if isinstance(route, OperationRoute):
            for method, operation in route.operations.items():
                yield route, method, operation


def _key(kind: Any) -> str:
    return repr(kind)


def _operation(path: str, operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    summary, _, description = inspect.cleandoc(operation.handler.__doc__ or "").partition("\n\n")
    module = operation.handler.__module__.rpartition(".")[2]
    described: dict[str, Any] = {
        "operationId": f"{module}_{operation.handler.__name__}",
        "tags": [module],
        "summary": " ".join(summary.split()).rstrip("."),
        "parameters": [*_path_parameters(path), *_query_parameters(operation.query)],
        "responses": _responses(path, operation, schemas),
    }
    if description:
        described["description"] = " ".join(description.split())
    if operation.body is not None:
        described["requestBody"] = {
            "required": not is_optional(operation.body),
            "content": _json(schemas[_key(operation.body)]),
        }
    if operation.access is Access.PUBLIC:
        described["security"] = []
    return described


def _path_parameters(path: str) -> Iterable[dict[str, Any]]:
    for name in _PATH.findall(path):
        schema = _schema(CaseNumber) if name == "number" else {"type": "string", "format": "uuid"}
        sentence = schema.pop("description", None) or _PATH_SENTENCES[name]
        yield {"name": name, "in": "path", "required": True, "description": sentence, "schema": schema}


def _query_parameters(query: type[msgspec.Struct]) -> Iterable[dict[str, Any]]:
    for field in msgspec.structs.fields(query):
        schema = _schema(required_type(field.type))
        if field.default not in {msgspec.NODEFAULT, None}:
            schema["default"] = field.default
        described = {"name": field.encode_name, "in": "query", "required": field.required, "schema": schema}
        sentence = schema.pop("description", None)
        yield described | ({"description": sentence} if sentence else {})


def _schema(kind: Any) -> dict[str, Any]:
    """The schema of a parameter, which refers to nothing."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    while "$ref" in schema:
        schema = {**components[schema["$ref"].rpartition("/")[2]], **{k: v for k, v in schema.items() if k != "$ref"}}
    return dict(schema)


def _responses(path: str, operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    responses = {str(reply.status): _reply(reply, operation, schemas) for reply in operation.replies}
    by_status: dict[int, list[str]] = {}
    for code in _codes(path, operation):
        by_status.setdefault(CATALOGUE[code][0], []).append(code)
    for status, codes in sorted(by_status.items()):
        # A reply of the same status, as that of a service that is not ready, says it itself.
        responses.setdefault(str(status), _problem(status, codes, schemas))
    return responses


def _codes(path: str, operation: Operation) -> Iterable[str]:
    """Every problem that the operation has: its own, and those of what lets requests in."""
    guarded = operation.access is not Access.PUBLIC
    yield from operation.problems
    yield from ("invalid_process_number",) if "{number}" in path else ()
    yield from ("invalid_parameter",) if msgspec.structs.fields(operation.query) else ()
    if operation.body:
        yield from ("invalid_json", "invalid_body", "request_timeout", "body_too_large", "unsupported_media_type")
    yield from ("unauthorized", "rate_limited") if guarded else ()
    yield from ("forbidden",) if operation.access is Access.ADMIN else ()
    yield from ("uri_too_long", "headers_too_large", "internal_error", "service_unavailable")


def _reply(reply: Reply, operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    rate = () if operation.access is Access.PUBLIC else _RATE
    described = {"description": reply.description, "headers": _headers(*_ALWAYS, *rate, *reply.headers)}
    if reply.media_type == "application/json":
        described["content"] = _json(schemas[_key(operation.answer)] if operation.answer else {"type": "object"})
    elif reply.media_type is not None:
        described["content"] = {reply.media_type: {"schema": {"type": "string"}}}
    return described


def _problem(status: int, codes: list[str], schemas: Mapping[str, Any]) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    views = {code: ProblemView("about:blank", title, status, CATALOGUE[code][1], code) for code in codes}
    return {
        "description": " ".join(f"`{code}`: {CATALOGUE[code][1]}" for code in views),
        "headers": _headers(*_ALWAYS, *_PROBLEM_HEADERS.get(status, ())),
        "content": {
            MEDIA_TYPE: {
                "schema": schemas[_key(ProblemView)],
                "examples": {code: {"value": msgspec.to_builtins(view)} for code, view in views.items()},
            }
        },
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
