"""A Postman collection (format 2.1) made from the OpenAPI document, for people who try the API by hand."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from service.api.openapi.postman_flows import FLOWS, Flow, Step

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_DESCRIPTION = """\
Set `base_url` and `api_key` in the variables of the collection. `make up` prints both.

The folder Flows runs from top to bottom, in Postman's runner or with newman. Its requests keep the ids that come in \
the variables `job_id`, `document_id` and `delivery_id`; the other folders have every operation and use them too.\
"""
#: The first four are for people to set; the flows set the others.
_VARIABLES: Mapping[str, tuple[str, str]] = {
    "base_url": ("http://127.0.0.1:8000", "Where the API is reached."),
    "api_key": ("", "An API key."),
    "process_number": ("0000123-06.2023.4.03.6100", "A case that the portal knows."),
    "webhook_url": (
        "{{base_url}}/api/v1/webhooks/webhook-test-receiver",
        "Your receiver. In production it is an https address of your own.",
    ),
    "job_id": ("", "The last job of the case. Kept by the flows."),
    "document_id": ("", "A document that is available. Kept by the flows."),
    "delivery_id": ("", "The last delivery. Kept by the flows."),
    "repetitions": ("0", "How often a request of the flows was repeated. Kept by the flows."),
    "attempts": ("0", "How many attempts a delivery had before it was sent again. Kept by the flows."),
}
#: The variable that a parameter or a member of a body takes its value from.
_VARIABLE_OF = {"number": "process_number", **{name: name for name in _VARIABLES}}


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """The collection: the flows, then a folder for each tag. The same for the same document. It holds no secret."""
    requests = dict(_requests(document))
    folders = [_flow(flow, requests) for flow in FLOWS]
    return {
        "info": {
            "_postman_id": _id("collection"),
            "name": document["info"]["title"],
            "description": _DESCRIPTION,
            "schema": _SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{api_key}}", "type": "string"}]},
        "variable": [
            {"key": name, "value": value, "description": description}
            for name, (value, description) in _VARIABLES.items()
        ],
        "item": [
            {"name": "Flows", "description": "From a case number to its documents, step by step.", "item": folders},
            *(_chapter(tag, document, requests) for tag in document["tags"]),
        ],
    }


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"autos:postman/{name}"))


def _requests(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every request by the id of its operation."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield operation["operationId"], _request(method.upper(), path, operation)


def _chapter(tag: Mapping[str, str], document: Mapping[str, Any], requests: Mapping[str, Any]) -> dict[str, Any]:
    items = [
        {"id": _id(operation["operationId"]), "name": path, "request": requests[operation["operationId"]]}
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if tag["name"] in operation["tags"]
    ]
    return {"id": _id(tag["name"]), "name": tag["name"], "description": tag["description"], "item": items}


def _flow(flow: Flow, requests: Mapping[str, Any]) -> dict[str, Any]:
    items = [_step(f"{flow.name}/{step.name}", step, requests[step.operation]) for step in flow.steps]
    return {"id": _id(flow.name), "name": flow.name, "description": flow.description, "item": items}


def _step(identity: str, step: Step, request: Mapping[str, Any]) -> dict[str, Any]:
    """A request of a flow. It has only those query parameters that the step gives."""
    query = [
        {**each, "value": step.query[each["key"]]} for each in request["url"]["query"] if each["key"] in step.query
    ]
    for each in query:
        del each["disabled"]
    body = {} if step.body is None else {"body": _json_body(step.body)}
    script = {"type": "text/javascript", "exec": step.script.splitlines()}
    return {
        "id": _id(identity),
        "name": step.name,
        "event": [{"listen": "test", "script": {"id": _id(f"{identity}/test"), **script}}],
        "protocolProfileBehavior": {"followRedirects": False},
        "request": {**request, **body, "url": _url(request["url"]["path"], query, request["url"]["variable"])},
    }


def _request(method: str, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    variables = [_parameter(each) for each in operation["parameters"] if each["in"] == "path"]
    query = [{**_parameter(each), "disabled": True} for each in operation["parameters"] if each["in"] == "query"]
    segments = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    described = [f"{operation['summary']}.", operation.get("description", "")]
    request: dict[str, Any] = {
        "method": method,
        "description": "\n\n".join(text for text in described if text),
        "url": _url(segments, query, variables),
    }
    if "requestBody" in operation:
        request["body"] = _json_body(_example(operation["requestBody"]))
        request["header"] = [{"key": "Content-Type", "value": "application/json"}]
    if operation.get("security") == []:
        request["auth"] = {"type": "noauth"}
    return request


def _url(segments: list[str], query: list[dict[str, Any]], variables: list[dict[str, Any]]) -> dict[str, Any]:
    given = "&".join(f"{each['key']}={each['value']}" for each in query if not each.get("disabled"))
    return {
        "raw": "/".join(["{{base_url}}", *segments]) + (f"?{given}" if given else ""),
        "host": ["{{base_url}}"],
        "path": segments,
        "query": query,
        "variable": variables,
    }


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = parameter["schema"]
    shown = schema.get("default", next(iter(schema.get("examples") or schema.get("enum") or [True])))
    return {
        "key": parameter["name"],
        "value": _from_variable(
            parameter["name"], shown if isinstance(shown, str) else msgspec.json.encode(shown).decode()
        ),
        "description": parameter["description"],
    }


def _from_variable(name: str, value: Any) -> Any:
    return f"{{{{{_VARIABLE_OF[name]}}}}}" if name in _VARIABLE_OF else value


def _example(body: Mapping[str, Any]) -> dict[str, Any]:
    example = body["content"]["application/json"]["example"]
    return {name: _from_variable(name, value) for name, value in example.items()}


def _json_body(value: Mapping[str, Any]) -> dict[str, Any]:
    raw = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
