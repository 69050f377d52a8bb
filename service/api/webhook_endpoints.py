"""`/webhooks/endpoints`: URLs of an account that get its events without being named in requests."""

from collections.abc import Sequence
from datetime import UTC
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.actions import endpoints
from service.actions.endpoints import UnknownEndpoint
from service.api.framework import pagination, parameters
from service.api.framework.authentication import revoked
from service.api.framework.body_faults import invalid_body
from service.api.framework.operations import Call, Reply, Tag, operation, spend
from service.api.framework.pagination import Page, PageQuery
from service.api.framework.queries import NoQuery
from service.api.monitors import Description
from service.api.presenters.timestamps import Timestamp, to_utc
from service.api.webhook_tests import TRIALS, SentView, sent
from service.database.connection import Connection
from service.database.deliveries import endpoint_list, endpoint_secrets
from service.database.deliveries.endpoint_list import Changes, EndpointRow
from service.database.users.users import SigningSecret
from service.domain.deliveries import DisabledReason, EndpointEvent
from service.domain.positions import Position
from service.http.problems import FieldError
from service.webhooks.signature import new_secret

#: Checked by the address guard, which says what is wrong.
EndpointUrl = Annotated[
    str,
    Meta(
        description="Where to POST the events.",
        examples=["https://hooks.example.com/autos"],
        extra_json_schema={"format": "webhook-url", "minLength": 1, "maxLength": 2048},
    ),
]
Events = Annotated[
    list[EndpointEvent],
    Meta(
        description="The types of events to send, each once; `*` stands alone.",
        min_length=1,
        extra_json_schema={
            "uniqueItems": True,
            "if": {"contains": {"const": EndpointEvent.ALL.value}},
            "then": {"maxItems": 1},
        },
    ),
]


class NewEndpointBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The endpoint to make."""

    url: EndpointUrl
    events: Events
    description: Annotated[Description | None, Meta(description="What you call it.")] = None


class EndpointBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change. Members that are left out stay as they are."""

    url: EndpointUrl | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    description: Annotated[Description | UnsetType | None, Meta(description="Null deletes it.")] = UNSET
    is_enabled: (
        Annotated[
            bool, Meta(description="`true` switches it on and begins a new count of failures; `false` switches it off.")
        ]
        | UnsetType
    ) = UNSET


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint, without its secret."""

    id: Annotated[UUID, Meta(description="The id of the endpoint.")]
    user_id: Annotated[UUID, Meta(description="The user whom it belongs to.")]
    url: EndpointUrl
    events: Annotated[list[EndpointEvent], Meta(description="The types of events that are sent.")]
    description: Annotated[str | None, Meta(description="What its owner calls it.")]
    is_enabled: Annotated[bool, Meta(description="Whether events are sent.")]
    disabled_reason: Annotated[DisabledReason | None, Meta(description="Null while it is switched on.")]
    disabled_at: Annotated[Timestamp | None, Meta(description="When it was switched off; null while it is on.")]
    failing_since: Annotated[
        Timestamp | None,
        Meta(description="The first failure since the last success; null if the last attempt succeeded."),
    ]
    last_error: Annotated[
        str | None, Meta(description="Of the last attempt; null if it succeeded.", examples=["The host answered 500."])
    ]
    created_at: Annotated[Timestamp, Meta(description="When it was made.")]


class NewEndpointView(EndpointView, frozen=True, kw_only=True):
    """A new endpoint with its secret."""

    secret: Annotated[str, Meta(description="Signs the webhooks to this endpoint, and no others.")]


class EndpointSecretView(msgspec.Struct, frozen=True):
    """The current secret of an endpoint, and previous ones that also sign for a while after a rotation."""

    secret: Annotated[str, Meta(description="Signs the webhooks to this endpoint, and no others.")]
    previous_secrets: Annotated[list[str], Meta(description="They also sign, until they expire.")]
    previous_secrets_expire_at: Annotated[Timestamp | None, Meta(description="When the last of them stops signing.")]


@operation("webhook_endpoints_index", Tag.WEBHOOKS)
async def index(call: Call[PageQuery, None]) -> Page[EndpointView]:
    """The endpoints, the newest first.

    They are the caller's own; for an administrator, those of all users.
    """
    size, after = call.query.limit, pagination.position(call.query.cursor, Position[UUID])
    async with call.state["database"].connection() as connection:
        found = await endpoint_list.page(connection, user_id=call.owner, after=after, limit=size + 1)
    rows, cursor = pagination.cut(found, size, lambda row: Position(row.created_at, row.id))
    return Page([EndpointView(**_facts(row)) for row in rows], cursor)


@operation(
    "webhook_endpoints_create",
    Tag.WEBHOOKS,
    Reply(201, "Created, with its secret."),
    problems=("invalid_webhook_url", "endpoint_exists", "too_many_endpoints"),
)
async def create(call: Call[NoQuery, NewEndpointBody]) -> NewEndpointView:
    """Make an endpoint.

    It gets the events of the caller's jobs, monitors and exports from now on, each once, also if a request names the
    same URL. A user has 20 endpoints at most.
    """
    wanted, secret = call.body, new_secret()
    events = _checked(wanted.events)
    url = await parameters.checked_webhook_url(call.request, wanted.url, member="url")
    async with call.state["database"].transaction() as connection:
        made = await endpoint_list.add(
            connection, call.user.id, url=url, events=events, description=wanted.description, secret=secret
        )
        row = made and await endpoint_list.find(connection, made, user_id=call.user.id)
    if not row:
        raise revoked()
    return NewEndpointView(**_facts(row), secret=secret)


@operation("webhook_endpoints_show", Tag.WEBHOOKS, problems=("endpoint_not_found",))
async def show(call: Call[NoQuery, None]) -> EndpointView:
    """One endpoint."""
    return EndpointView(**_facts(await _found(call)))


@operation(
    "webhook_endpoints_update",
    Tag.WEBHOOKS,
    problems=("endpoint_not_found", "invalid_webhook_url", "endpoint_exists"),
)
async def update(call: Call[NoQuery, EndpointBody]) -> EndpointView:
    """Change an endpoint.

    Deliveries that are still open go to the new URL. While it is switched off, no deliveries are made for it, and open
    ones fail at their next attempt; `recover` sends them when it is on again.
    """
    endpoint_id, body = call.identifier("endpoint_id"), call.body
    if endpoint_id is None:
        raise UnknownEndpoint
    url = body.url
    if url is not UNSET:
        await _found(
            call
        )  # a stranger does not learn whether the URL is allowed before that there is nothing to change
        url = await parameters.checked_webhook_url(call.request, url, member="url")
    events = UNSET if body.events is UNSET else _checked(body.events)
    changes = Changes(url, events, body.description, body.is_enabled)
    async with call.state["database"].connection() as connection:
        row = await endpoint_list.change(connection, endpoint_id, changes, user_id=call.owner)
    if row is None:
        raise UnknownEndpoint
    return EndpointView(**_facts(row))


@operation(
    "webhook_endpoints_delete",
    Tag.WEBHOOKS,
    Reply(204, "Deleted, with its secrets.", media_type=None),
    problems=("endpoint_not_found",),
)
async def delete(call: Call[NoQuery, None]) -> None:
    """Delete an endpoint.

    Its open deliveries are cancelled, unless a request named the same URL: those go on. Its ended deliveries stay.
    """
    await endpoints.delete(call.state["database"], call.identifier("endpoint_id"), owner=call.owner)


@operation("webhook_endpoints_secret", Tag.WEBHOOKS, problems=("endpoint_not_found",))
async def secret(call: Call[NoQuery, None]) -> EndpointSecretView:
    """The signing secrets of the caller's own endpoint, the current one first."""
    async with call.state["database"].connection() as connection:
        return _secrets(await _live_secrets(call, connection, call.user.id))


@operation("webhook_endpoints_rotate_secret", Tag.WEBHOOKS, problems=("endpoint_not_found",))
async def rotate_secret(call: Call[NoQuery, None]) -> EndpointSecretView:
    """Make a new secret for the caller's own endpoint; the old one also signs during the grace period."""
    endpoint_id, grace = call.identifier("endpoint_id"), call.state["options"].webhook_secret_grace
    async with call.state["database"].transaction() as connection:
        if endpoint_id is not None:
            await endpoint_secrets.rotate(connection, endpoint_id, new_secret(), user_id=call.user.id, grace=grace)
        return _secrets(await _live_secrets(call, connection, call.user.id))


@operation("webhook_endpoints_test", Tag.WEBHOOKS, problems=("endpoint_not_found",))
async def test(call: Call[NoQuery, None]) -> SentView:
    """Send a test webhook to an endpoint and return its outcome.

    It is a `webhook.test`, signed with the secret of the endpoint, also if the endpoint is switched off. It changes
    nothing of the endpoint, whatever its outcome.
    """
    await spend(call.request, TRIALS, "trials", str(call.user.id))
    row = await _found(call)
    async with call.state["database"].connection() as connection:
        live = await _live_secrets(call, connection, call.owner)
    return await sent(call.request, row.url, [each.secret for each in live], user_id=row.user_id, payload={})


async def _found(call: Call[Any, Any]) -> EndpointRow:
    endpoint_id = call.identifier("endpoint_id")
    async with call.state["database"].connection() as connection:
        found = endpoint_id and await endpoint_list.find(connection, endpoint_id, user_id=call.owner)
    if not found:
        raise UnknownEndpoint
    return found


async def _live_secrets(call: Call[Any, Any], connection: Connection, user_id: UUID | None) -> list[SigningSecret]:
    endpoint_id = call.identifier("endpoint_id")
    live = [] if endpoint_id is None else await endpoint_secrets.live(connection, endpoint_id, user_id=user_id)
    if not live:
        raise UnknownEndpoint
    return live


def _checked(events: Sequence[EndpointEvent]) -> list[EndpointEvent]:
    if len(set(events)) < len(events):
        raise invalid_body(FieldError("events", "It has a type twice."))
    if EndpointEvent.ALL in events and len(events) > 1:
        raise invalid_body(FieldError("events", "The type * stands for all types: leave the others out."))
    return list(events)


def _facts(row: EndpointRow) -> dict[str, Any]:
    times = {
        "created_at": row.created_at.astimezone(UTC),
        "disabled_at": to_utc(row.disabled_at),
        "failing_since": to_utc(row.failing_since),
    }
    events = [EndpointEvent(each) for each in row.events]
    return msgspec.structs.asdict(row) | times | {"is_enabled": row.disabled_reason is None, "events": events}


def _secrets(live: Sequence[SigningSecret]) -> EndpointSecretView:
    current, *previous = live
    expiries = [each.expires_at.astimezone(UTC) for each in previous if each.expires_at is not None]
    return EndpointSecretView(current.secret, [each.secret for each in previous], max(expiries, default=None))
