"""The webhooks in `/openapi.json`: what subscribers get, made from the type that is sent to them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from service.api.openapi.example_case import MESSAGE_ID
from service.api.openapi.examples import EVENTS
from service.webhooks.payload import WebhookBody
from service.webhooks.test_events import EVENT_TYPE as TEST

_SUMMARIES: Mapping[str, str] = {
    "process.completed": "The job has ended and every document is available",
    "process.failed": "The job has ended and at least one document is not available",
    "process.cancelled": "A person stopped the job",
    "process.updated": "A watched case has something new, or a job has ended and documents were not requested",
    TEST: "A test was requested; the request may replace these values",
}
_DESCRIPTION = (
    "Verify the signature over the received bytes before you use them, and process each `webhook-id` once: the same"
    " event may come again."
)
_SIGNATURE = (
    "Signatures after Standard Webhooks, separated by spaces; one of them has to be valid. Each is `v1,` and the base64"
    " of the HMAC-SHA256, with your secret, of `webhook-id`, `webhook-timestamp` and the body, joined by dots."
)
_HEADERS: Mapping[str, tuple[str, Any, Any]] = {
    "webhook-id": (
        "The id of the event for this subscriber: the same in every attempt.",
        {"type": "string"},
        MESSAGE_ID,
    ),
    "webhook-timestamp": ("The time of this attempt, in seconds since 1970.", {"type": "integer"}, 1769860800),
    "webhook-signature": (
        _SIGNATURE,
        {"type": "string"},
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
    "X-Webhook-ID": ("As `webhook-id`.", {"type": "string"}, MESSAGE_ID),
    "X-Webhook-Timestamp": ("As `webhook-timestamp`.", {"type": "integer"}, 1769860800),
    "X-Webhook-Attempt": ("1 for the first attempt.", {"type": "integer", "minimum": 1}, 1),
}
_RESPONSES: Mapping[str, str] = {
    "2XX": "Accepted: the webhook is delivered.",
    "410": "The receiver no longer wants it: it is not sent again.",
    "413": "Too large: it is sent again without the documents.",
    "429": "Later: `Retry-After` says when, if it is given.",
    "503": "Later: `Retry-After` says when, if it is given.",
    "default": "Not accepted: it is sent again, on a schedule of more than a day. Redirects are not followed.",
}


def webhooks(body: Mapping[str, Any]) -> dict[str, Any]:
    """The webhooks by their type. `body` is the schema of `WebhookBody`."""
    return {event.type: {"post": _operation(event, body)} for event in EVENTS}


def _operation(event: WebhookBody, body: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"allOf": [body], "properties": {"type": {"const": event.type}}}
    return {
        "operationId": event.type.replace(".", "_"),
        "tags": ["Webhooks"],
        "summary": _SUMMARIES[event.type],
        "description": _DESCRIPTION,
        "security": [],
        "parameters": [_header(name, *told) for name, told in _HEADERS.items()],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": msgspec.to_builtins(event)}},
        },
        "responses": {status: {"description": sentence} for status, sentence in _RESPONSES.items()},
    }


def _header(name: str, sentence: str, schema: Mapping[str, Any], example: object) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": sentence,
        "schema": {**schema, "examples": [example]},
    }
