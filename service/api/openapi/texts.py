"""The texts of `/openapi.json` that belong to no single type or operation."""

from collections.abc import Mapping
from typing import Any

from service.api.framework.operations import Tag
from service.api.openapi.example_case import DELIVERY_ID, DOCUMENT_ID, ENDPOINT_ID, JOB_ID, KEY_ID, USER_ID

DESCRIPTION = """\
Fetches every document of a Brazilian court case into your S3 bucket and calls you back when the file is complete.

Begin with `GET /api/v1/processes/{number}`: it starts the download and responds at once. Then wait for the webhook \
that you named as `webhook_url`, or ask `GET /api/v1/processes/{number}/status` until the status is `completed`, \
`failed` or `cancelled`.

- Send your API key as `Authorization: Bearer <key>`.
- Errors are problems after RFC 9457. Their `code` is stable, their sentences are for people.
- Lists are pages: follow `next_cursor` until it is null.
- Times are RFC 3339 in UTC, sizes are bytes.
- A request over the limit of its key gets 429; `Retry-After` says when to go on.
- Parameters and members of a body that the service does not know are refused with 400 `unknown_parameter`.
- Responses may get new members and codes: ignore those that you do not know.\
"""

TAGS: Mapping[Tag, str] = {
    Tag.CASES: "Ask for a case, see how far it is, list and search.",
    Tag.DOCUMENTS: "The files of a case, one by one or in one archive.",
    Tag.DOWNLOADS: "The steps of `GET /api/v1/processes/{number}`, one by one.",
    Tag.JOBS: "The work on a case: one job at a time for each.",
    Tag.WEBHOOKS: "The secret that signs them, and tests of a receiver.",
    Tag.DELIVERIES: "What was sent where, with the outcome; how to resend it or stop it.",
    Tag.MONITORS: "Cases that are watched: what is new is downloaded and told.",
    Tag.USERS: "Who may use the service, and with which keys.",
    Tag.OPERATIONS: "Health and metrics, for operators. They need no key.",
    Tag.REFERENCE: "This document. It needs no key.",
}

PATH_PARAMETERS: Mapping[str, tuple[str, Any]] = {
    "document_id": ("The id of the document, from its case.", DOCUMENT_ID),
    "job_id": ("The id of the job.", JOB_ID),
    "delivery_id": ("The id of the delivery.", DELIVERY_ID),
    "endpoint_id": ("The id of the endpoint.", ENDPOINT_ID),
    "user_id": ("The id of the user.", USER_ID),
    "key_id": ("The id of the API key; not the key.", KEY_ID),
}
HEADERS: Mapping[str, tuple[str, Any]] = {
    "X-Request-ID": ("The id of the request: the client's own if it sent a well-formed one.", {"type": "string"}),
    "RateLimit-Limit": ("Requests that the key may make in the window.", {"type": "integer"}),
    "RateLimit-Remaining": ("Requests that are left in the window.", {"type": "integer"}),
    "RateLimit-Reset": ("Seconds until the next request is possible or the window ends.", {"type": "integer"}),
    "Retry-After": ("Seconds after which to ask again.", {"type": "integer"}),
    "WWW-Authenticate": ("How to authenticate.", {"type": "string"}),
    "Allow": ("The methods of the path.", {"type": "string"}),
    "Location": ("Where the document is, for as long as the link lives.", {"type": "string", "format": "uri"}),
    "Content-Length": ("The size in bytes, known beforehand.", {"type": "integer"}),
    "Content-Disposition": ("The name of the file.", {"type": "string"}),
    "X-Listing-Taken-At": ("When the portal gave the answer.", {"type": "string", "format": "date-time"}),
    "X-Listing-Redacted": (
        "`true` if names that are sealed were replaced, so that the bytes are not those of the portal.",
        {"type": "string", "enum": ["true", "false"]},
    ),
    "ETag": ("Changes with the response: send it as `If-None-Match` the next time.", {"type": "string"}),
}
IF_NONE_MATCH: Mapping[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the last response: 304 without a body while nothing changes.",
    "schema": {"type": "string", "examples": ['W/"0b2a4f3c5d6e7f8091a2b3c4d5e6f708"']},
}
