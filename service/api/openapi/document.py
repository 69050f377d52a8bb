"""`/openapi.json`: OpenAPI 3.1, made from the routes and types that serve the requests."""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.routing import BaseRoute

from service.api.framework.bodies import is_optional
from service.api.framework.csv_tables import CSV_MEDIA_TYPE
from service.api.framework.operations import Access, Operation, OperationRoute, Reply
from service.api.framework.parameters import CaseNumber
from service.api.framework.queries import required_type
from service.api.openapi.examples import CSV_REQUEST, TEXTS, examples_of
from service.api.openapi.schemas import key, parameter_schema, schemas_of
from service.api.openapi.texts import DESCRIPTION, HEADERS, IF_NONE_MATCH, PATH_PARAMETERS, TAGS
from service.api.openapi.webhooks import webhooks
from service.domain.version import VERSION
from service.http.problems import CATALOGUE, PROBLEM_MEDIA_TYPE, ProblemView
from service.webhooks.payload import WebhookBody

_PATH = re.compile(r"{(\w+)}")
_ALWAYS = ("X-Request-ID",)
_RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
#: Headers of problems, beyond those of every response.
_PROBLEM_HEADERS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", *_RATE),
    503: ("Retry-After",),
}


def document(routes: Iterable[BaseRoute], *, server: str) -> dict[str, Any]:
    """The whole document. `server` is where clients reach the API."""
    found = [(route.path, method, operation) for route, method, operation in _operations(routes)]
    kinds = [kind for _, _, operation in found for kind in (operation.body, operation.answer) if kind is not None]
    schemas, components = schemas_of([*kinds, ProblemView, WebhookBody], examples_of)
    paths: dict[str, dict[str, Any]] = {}
    for path, method, operation in found:
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Autos", "version": VERSION, "description": DESCRIPTION, "license": {"name": "MIT"}},
        "servers": [{"url": server}],
        "security": [{"api_key": []}],
        "tags": _tags(paths),
        "paths": paths,
        "webhooks": webhooks(schemas[key(WebhookBody)]),
        "components": {
            "schemas": components,
            "headers": {
                name: {"description": sentence, "required": True, "schema": schema}
                for name, (sentence, schema) in HEADERS.items()
            },
            "securitySchemes": {"api_key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }


def _tags(paths: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    used = {name for operations in paths.values() for operation in operations.values() for name in operation["tags"]}
    return [{"name": tag, "description": sentence} for tag, sentence in TAGS.items() if tag in used]


def _operations(routes: Iterable[BaseRoute]) -> Iterable[tuple[OperationRoute, str, Operation]]:
    for route in routes:
        if isinstance(route, OperationRoute):
            for method, operation in route.operations.items():
                yield route, method, operation


def _operation(path: str, operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    summary, _, description = inspect.cleandoc(operation.handler.__doc__ or "").partition("\n\n")
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": " ".join(summary.split()).rstrip("."),
        "parameters": [*_path_parameters(path), *_query_parameters(operation.query), *_header_parameters(operation)],
        "responses": _responses(path, operation, schemas),
    }
    if description:
        described["description"] = " ".join(description.split())
    if operation.body is not None:
        content = _json(schemas[key(operation.body)], examples_of(operation.body)[:1])
        if operation.csv:
            content |= _text(CSV_MEDIA_TYPE, CSV_REQUEST)
        described["requestBody"] = {
            "required": not is_optional(operation.body),
            "content": content,
        }
    if operation.access is Access.PUBLIC:
        described["security"] = []
    return described


def _path_parameters(path: str) -> Iterable[dict[str, Any]]:
    for name in _PATH.findall(path):
        if name == "number":
            schema = parameter_schema(CaseNumber)
            sentence = schema.pop("description")
        else:
            sentence, example = PATH_PARAMETERS[name]
            schema = {"type": "string", "format": "uuid", "examples": [str(example)]}
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": sentence,
            # Here too: Swagger UI fills this example in, but not those of a schema.
            "example": schema["examples"][0],
            "schema": schema,
        }


def _query_parameters(query: type[msgspec.Struct]) -> Iterable[dict[str, Any]]:
    for field in msgspec.structs.fields(query):
        schema = parameter_schema(required_type(field.type))
        if field.default not in {msgspec.NODEFAULT, None}:
            schema["default"] = field.default
        yield {
            "name": field.encode_name,
            "in": "query",
            "required": field.required,
            "description": schema.pop("description", ""),
            "schema": schema,
        }


def _header_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    if any(reply.status == HTTPStatus.NOT_MODIFIED for reply in operation.replies):
        yield dict(IF_NONE_MATCH)


def _responses(path: str, operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    examples = examples_of(operation.answer)
    responses = {
        str(reply.status): _reply(reply, operation, schemas, examples[position : position + 1] or examples[:1])
        for position, reply in enumerate(operation.replies)
    }
    by_status: dict[int, list[str]] = {}
    for code in _codes(path, operation):
        by_status.setdefault(CATALOGUE[code][0], []).append(code)
    for status, codes in sorted(by_status.items()):
        # A reply with the same status, such as the 503 of `/health/ready`, keeps its own description.
        responses.setdefault(str(status), _problem(status, codes, schemas))
    return responses


def _codes(path: str, operation: Operation) -> Iterable[str]:
    """The codes of all problems of the operation: its own, and those that come before its handler."""
    guarded = operation.access is not Access.PUBLIC
    yield from operation.problems
    yield from ("invalid_process_number",) if "{number}" in path else ()
    yield from ("unknown_parameter",) if guarded else ()
    yield from ("invalid_parameter",) if msgspec.structs.fields(operation.query) else ()
    if operation.body:
        yield from ("invalid_json", "invalid_body", "request_timeout", "body_too_large", "unsupported_media_type")
    yield from ("unauthorized", "rate_limited") if guarded else ()
    yield from ("forbidden",) if operation.access is Access.ADMIN else ()
    yield from ("uri_too_long", "headers_too_large", "internal_error", "service_unavailable")


def _reply(
    reply: Reply, operation: Operation, schemas: Mapping[str, Any], examples: Sequence[object]
) -> dict[str, Any]:
    rate = () if operation.access is Access.PUBLIC else _RATE
    described: dict[str, Any] = {"description": reply.description, "headers": _headers(*_ALWAYS, *rate, *reply.headers)}
    if reply.media_type == "application/json":
        described["content"] = (
            _json({}, [reply.example]) if reply.example else _json(_answer(operation, schemas), examples)
        )
        if operation.csv:
            described["content"] |= _text(CSV_MEDIA_TYPE, TEXTS.get(CSV_MEDIA_TYPE))
    elif reply.media_type is not None:
        described["content"] = _text(reply.media_type, TEXTS.get(reply.media_type))
    return described


def _answer(operation: Operation, schemas: Mapping[str, Any]) -> Any:
    return schemas[key(operation.answer)] if operation.answer else {"type": "object"}


def _text(media_type: str, shown: str | None) -> dict[str, Any]:
    example = {} if shown is None else {"example": shown}
    return {media_type: {"schema": {"type": "string"}, **example}}


def _problem(status: int, codes: list[str], schemas: Mapping[str, Any]) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    views = {code: ProblemView("about:blank", title, status, CATALOGUE[code][1], code) for code in codes}
    return {
        "description": " ".join(f"`{code}`: {CATALOGUE[code][1]}" for code in views),
        "headers": _headers(*_ALWAYS, *_PROBLEM_HEADERS.get(status, ())),
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": schemas[key(ProblemView)],
                "examples": {code: {"value": msgspec.to_builtins(view)} for code, view in views.items()},
            }
        },
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _json(schema: Any, examples: Sequence[object]) -> dict[str, Any]:
    example = {"example": msgspec.to_builtins(examples[0])} if examples else {}
    return {"application/json": {"schema": schema, **example}}
