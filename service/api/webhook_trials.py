"""`/webhooks/webhook-...`: for whoever writes a receiver, before the first real webhook."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from limits import parse
from starlette.responses import Response

from service.api import parameters
from service.api.authentication import caller, presented_key
from service.api.bodies import decoded, json_body, json_bytes
from service.api.responses import json_response
from service.api.state import ApiRequest
from service.database import delivery_history, users
from service.database.connection import Connection
from service.webhooks import trial
from service.webhooks.address_guard import check_url
from service.webhooks.address_policy import InvalidWebhookUrl
from service.webhooks.post_outcome import OutcomeKind
from service.webhooks.signature import USER_AGENT, signature_headers, verify

#: Of each client, for the two that call a URL of the client's choice. Together, so that neither helps the other.
TRIALS = parse("10/minute")


class UrlBody(msgspec.Struct, frozen=True):
    """A URL to look at."""

    webhook_url: str


class SendTestBody(msgspec.Struct, frozen=True):
    """A URL to send to, and members for the message."""

    webhook_url: str
    test_payload: dict[str, Any] | None = None


class ReceivedBody(msgspec.Struct, frozen=True):
    """What is read of a received webhook."""

    process_number: str | None = None
    total_documents: int | None = None


class ConnectivityView(msgspec.Struct, frozen=True):
    """Whether there is an HTTP server. Any answer of one says so, be it an error."""

    reachable: bool
    status_code: int | None
    response_time_ms: int | None
    error: str | None


class SentView(msgspec.Struct, frozen=True):
    """What came of a test."""

    delivered: bool
    webhook_id: str
    status_code: int | None
    response_time_ms: int | None
    answer: str | None
    error: str | None


async def validate(request: ApiRequest) -> Response:
    """Whether a URL may be registered, without calling it."""
    await _authenticate(request)
    body = await json_body(request, UrlBody)
    try:
        await check_url(body.webhook_url, request.state["webhook_policy"], request.state["resolver"])
    except InvalidWebhookUrl as error:
        return json_response({"valid": False, "message": error.message, "code": error.rule})
    return json_response({"valid": True, "message": "Webhooks may be sent to this URL.", "code": None})


async def test_connectivity(request: ApiRequest) -> Response:
    """Whether something answers HTTP there: a HEAD request, so that nothing is delivered."""
    user_id = await _authenticate(request)
    body = await json_body(request, UrlBody)
    headers = await _take_trial(request, user_id)
    url = await parameters.checked_webhook_url(request, body.webhook_url)
    outcome = await request.state["subscribers"].probe(url, {"User-Agent": USER_AGENT})
    view = ConnectivityView(
        reachable=outcome.status_code is not None,
        status_code=outcome.status_code,
        response_time_ms=outcome.duration_ms if outcome.status_code is not None else None,
        error=None if outcome.status_code is not None else outcome.error,
    )
    return json_response(view, headers=headers)


async def send_test(request: ApiRequest) -> Response:
    """Send a signed `webhook.test`, once, in the way of the real ones, and answer what came of it."""
    user_id = await _authenticate(request)
    body = await json_body(request, SendTestBody)
    rate = await _take_trial(request, user_id)
    url = await parameters.checked_webhook_url(request, body.webhook_url)
    async with request.state["database"].connection() as connection:
        secrets = await users.signing_secrets(connection, user_id)
    moment, webhook_id = datetime.now(UTC), trial.new_test_id(user_id)
    message = trial.render_test(moment, body.test_payload or {}, public_url=request.state["options"].public_url)
    headers = signature_headers(webhook_id, moment, message, secrets, 1)
    outcome = await request.state["subscribers"].post(url, message, headers)
    view = SentView(
        delivered=outcome.is_delivered,
        webhook_id=webhook_id,
        status_code=outcome.status_code,
        response_time_ms=None if outcome.kind is OutcomeKind.REFUSED_ADDRESS else outcome.duration_ms,
        answer=outcome.excerpt or None,
        error=outcome.error,
    )
    return json_response(view, headers=rate)


async def test_receiver(request: ApiRequest) -> Response:
    """A place to point a first webhook at.

    A sender of webhooks has no API key: whoever signed is known by the `webhook-id`. Without a key and without a
    signature the request is refused like any other.
    """
    webhook_id = request.headers.get("webhook-id", "")
    user_id = None if "webhook-signature" in request.headers and webhook_id else await _authenticate(request)
    received = await json_bytes(request)
    body = decoded(received, ReceivedBody)
    async with request.state["database"].connection() as connection:
        signer = user_id or await _signer(connection, webhook_id)
        secrets = await users.signing_secrets(connection, signer) if signer is not None else []
    is_valid = bool(secrets) and verify(received, request.headers, secrets)
    message = "The signature is valid." if is_valid else "The signature is missing or not valid."
    return json_response(
        {
            "received": True,
            "process_number": body.process_number,
            "total_documents": body.total_documents,
            "signature_valid": is_valid,
            "message": message,
        }
    )


async def _authenticate(request: ApiRequest) -> UUID:
    api_key = presented_key(request)
    async with request.state["database"].connection() as connection:
        return (await caller(connection, api_key)).id


async def _take_trial(request: ApiRequest, user_id: UUID) -> dict[str, str]:
    """Count one trial; the RateLimit headers, or the 429 problem."""
    budget = await request.state["limiter"].take(TRIALS, "trials", str(user_id))
    budget.check()
    return dict(budget.headers)


async def _signer(connection: Connection, webhook_id: str) -> UUID | None:
    user_id = trial.user_of_test(webhook_id)
    if user_id is not None:
        return user_id
    delivery_id = trial.delivery_of(webhook_id)
    found = delivery_id and await delivery_history.find(connection, delivery_id, user_id=None)
    return found.user_id if found else None
