"""`/webhooks/webhook-...`: for developers of a receiver, before the first real webhook."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from limits import RateLimitItem, parse
from msgspec import Meta

from service.api.framework import parameters
from service.api.framework.authentication import PresentedKey, authenticate, presented_key, revoked
from service.api.framework.bodies import decoded, json_bytes
from service.api.framework.operations import Call, Tag, operation, public, spend
from service.api.framework.parameters import WebhookUrl
from service.api.framework.queries import NoQuery
from service.api.framework.state import ApiRequest
from service.database.connection import Connection
from service.database.deliveries import delivery_history, endpoint_secrets
from service.database.users import users
from service.http.problems import Problem
from service.http.request_id import addresses
from service.webhooks import test_events
from service.webhooks.addresses.guard import check_url
from service.webhooks.addresses.policy import InvalidWebhookUrl
from service.webhooks.outcome import OutcomeKind
from service.webhooks.signature import USER_AGENT, signature_headers, verify

#: For each user, for both operations together that call a URL of the user's choice.
TRIALS = parse("10/minute")
#: For each address that sends signed requests to the receiver: who signed is known only after the database was read.
RECEIVED = parse("60/minute")


class UrlBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A URL to check."""

    webhook_url: Annotated[str, Meta(description="The URL; any string is accepted.")]


class CallBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A URL to call."""

    webhook_url: WebhookUrl


class SendTestBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A URL to send to, and members for the message."""

    webhook_url: WebhookUrl
    test_payload: Annotated[
        dict[str, Any] | None,
        Meta(description="Members that replace the invented ones, except `type` and `timestamp`."),
    ] = None


class ReceivedBody(msgspec.Struct, frozen=True):
    """The members that are read from a received webhook."""

    process_number: Annotated[str | None, Meta(description="As in the webhook.")] = None
    total_documents: Annotated[int | None, Meta(description="As in the webhook.")] = None


class ConnectivityView(msgspec.Struct, frozen=True):
    """Whether there is an HTTP server. Any response counts, even an error."""

    reachable: Annotated[bool, Meta(description="Whether there was a response.")]
    status_code: Annotated[int | None, Meta(description="The status code of the response; null if there was none.")]
    response_time_ms: Annotated[int | None, Meta(description="Milliseconds until the response.")]
    error: Annotated[str | None, Meta(description="Why there was no response.")]


class SentView(msgspec.Struct, frozen=True):
    """The outcome of a test."""

    delivered: Annotated[bool, Meta(description="Whether the response was 2xx.")]
    webhook_id: Annotated[str, Meta(description="The header `webhook-id` of this test.")]
    status_code: Annotated[int | None, Meta(description="The status code of the response; null if there was none.")]
    response_time_ms: Annotated[int | None, Meta(description="Milliseconds until the response or the failure.")]
    answer: Annotated[str | None, Meta(description="The beginning of the response body, at most 1 KiB.")]
    error: Annotated[str | None, Meta(description="What went wrong, as a sentence.")]


class ValidityView(msgspec.Struct, frozen=True):
    """Whether webhooks may be sent to a URL."""

    valid: Annotated[bool, Meta(description="Whether it may be registered.")]
    message: Annotated[str, Meta(description="What to do about it.")]
    code: Annotated[str | None, Meta(description="The rule that the URL breaks; null if it breaks none.")]


class ReceivedView(msgspec.Struct, frozen=True):
    """What was received."""

    received: Annotated[bool, Meta(description="Always true.")]
    process_number: Annotated[str | None, Meta(description="As in the body of the webhook.")]
    total_documents: Annotated[int | None, Meta(description="As in the body of the webhook.")]
    signature_valid: Annotated[
        bool, Meta(description="Whether a secret of the sender signed it, with a time within five minutes of now.")
    ]
    message: Annotated[str, Meta(description="The same as a sentence.")]


@operation("webhook_trials_validate", Tag.WEBHOOKS)
async def validate(call: Call[NoQuery, UrlBody]) -> ValidityView:
    """Check whether webhooks may be sent to a URL.

    The URL is not called.
    """
    try:
        await check_url(call.body.webhook_url, call.state["webhook_policy"], call.state["resolver"])
    except InvalidWebhookUrl as error:
        return ValidityView(valid=False, message=error.message, code=error.rule)
    return ValidityView(valid=True, message="Webhooks may be sent to this URL.", code=None)


@operation("webhook_trials_test_connectivity", Tag.WEBHOOKS, problems=("invalid_webhook_url",))
async def test_connectivity(call: Call[NoQuery, CallBody]) -> ConnectivityView:
    """Check whether an HTTP server responds at a URL.

    It sends a HEAD request, so that nothing is delivered.
    """
    await spend(call.request, TRIALS, "trials", str(call.user.id))
    url = await parameters.checked_webhook_url(call.request, call.body.webhook_url)
    outcome = await call.state["subscribers"].probe(url, {"User-Agent": USER_AGENT})
    return ConnectivityView(
        reachable=outcome.status_code is not None,
        status_code=outcome.status_code,
        response_time_ms=outcome.duration_ms if outcome.status_code is not None else None,
        error=None if outcome.status_code is not None else outcome.error,
    )


@operation("webhook_trials_send_test", Tag.WEBHOOKS, problems=("invalid_webhook_url",))
async def send_test(call: Call[NoQuery, SendTestBody]) -> SentView:
    """Send a test webhook and return its outcome.

    It is a signed `webhook.test`, sent like a real webhook, but only once.
    """
    await spend(call.request, TRIALS, "trials", str(call.user.id))
    url = await parameters.checked_webhook_url(call.request, call.body.webhook_url)
    async with call.state["database"].connection() as connection:
        secrets = await users.signing_secrets(connection, call.user.id)
    if not secrets:  # the caller was deleted since the request began
        raise revoked()
    return await sent(call.request, url, secrets, user_id=call.user.id, payload=call.body.test_payload or {})


async def sent(
    request: ApiRequest, url: str, secrets: Sequence[str], *, user_id: UUID, payload: Mapping[str, Any]
) -> SentView:
    """Send a test webhook, which these secrets of a user sign."""
    moment, webhook_id = datetime.now(UTC), test_events.new_test_id(user_id)
    try:
        message = test_events.render_test(moment, payload, public_url=request.state["options"].public_url)
    except RecursionError:  # it was decoded with fewer frames on the stack
        raise Problem("invalid_json", "The test_payload is nested too deeply.") from None
    headers = signature_headers(webhook_id, moment, message, secrets, 1)
    outcome = await request.state["subscribers"].post(url, message, headers)
    return SentView(
        delivered=outcome.is_delivered,
        webhook_id=webhook_id,
        status_code=outcome.status_code,
        response_time_ms=None if outcome.kind is OutcomeKind.REFUSED_ADDRESS else outcome.duration_ms,
        answer=outcome.excerpt or None,
        error=outcome.error,
    )


@public("webhook_trials_test_receiver", Tag.WEBHOOKS, problems=("unauthorized", "rate_limited"), body=ReceivedBody)
async def test_receiver(request: ApiRequest) -> ReceivedView:
    """Receive a webhook: a URL for your first one.

    A sender of webhooks has no API key: the `webhook-id` says which user signed. A request without a signature needs an
    API key. Each address may send 60 signed ones a minute.
    """
    webhook_id = request.headers.get("webhook-id", "")
    is_signed = "webhook-signature" in request.headers and bool(webhook_id)
    key = None if is_signed else presented_key(request)
    user_id = None if key is None else (await authenticate(request, key)).id
    (await request.state["limiter"].take(*_limit(request, key))).check()
    received = await json_bytes(request)
    body = decoded(received, ReceivedBody)
    async with request.state["database"].connection() as connection:
        signer = user_id or await _signer(connection, webhook_id)
        secrets = [] if signer is None else await _secrets_of(connection, signer)
    is_valid = bool(secrets) and verify(received, request.headers, secrets)
    return ReceivedView(
        received=True,
        process_number=body.process_number,
        total_documents=body.total_documents,
        signature_valid=is_valid,
        message="The signature is valid." if is_valid else "The signature is missing or not valid.",
    )


def _limit(request: ApiRequest, key: PresentedKey | None) -> tuple[RateLimitItem, str, str]:
    if key is None:
        return RECEIVED, "received", addresses(request.scope.get("client")).get("address", "")
    return request.state["rates"].requests, "requests", key.identity


async def _secrets_of(connection: Connection, user_id: UUID) -> list[str]:
    """Those of the user and of the user's endpoints."""
    own = await users.signing_secrets(connection, user_id)
    return own + await endpoint_secrets.of_user(connection, user_id)


async def _signer(connection: Connection, webhook_id: str) -> UUID | None:
    user_id = test_events.user_of_test(webhook_id)
    if user_id is not None:
        return user_id
    delivery_id = test_events.delivery_of(webhook_id)
    found = delivery_id and await delivery_history.find(connection, delivery_id, user_id=None)
    return found.user_id if found else None
