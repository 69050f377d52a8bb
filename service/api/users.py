"""`/users`: users and their API keys. A key is returned once, when it is made."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from limits import RateLimitItem
from msgspec import Meta

from service.api.framework import pagination
from service.api.framework.operations import Access, Call, Reply, Tag, operation
from service.api.framework.pagination import Page, PageQuery
from service.api.framework.queries import NoQuery
from service.api.presenters.timestamps import Timestamp, to_utc
from service.database.users import api_keys, users
from service.database.users.api_keys import KEYS_MAX, KeyRow, LastAdmin, TooManyKeys
from service.database.users.users import NameTaken, UserRow
from service.domain.api_keys import new_api_key
from service.domain.positions import Position
from service.domain.users import KeyLabel, Role, UserName
from service.http.problems import Problem
from service.webhooks.signature import new_secret

_CREATED = Reply(201, "Created. Only this response shows the key.")
_ENDED = Reply(204, "Ended, at once and in all processes.", media_type=None)


class RateView(msgspec.Struct, frozen=True):
    """A rate limit of one API key."""

    limit: Annotated[int, Meta(description="Requests, or cases for `numbers`.")]
    seconds: Annotated[int, Meta(description="The length of the window, in seconds.")]


class LimitsView(msgspec.Struct, frozen=True):
    """The limits of the caller."""

    requests: Annotated[RateView, Meta(description="All requests.")]
    downloads: Annotated[RateView, Meta(description="Requests that may start a download.")]
    numbers: Annotated[RateView, Meta(description="Cases that searches and `POST /monitors` may start.")]
    keys: Annotated[int, Meta(description="API keys that a user may have at the same time.")]


class MeView(msgspec.Struct, frozen=True):
    """The caller."""

    id: Annotated[UUID, Meta(description="The id of the user.")]
    name: Annotated[str, Meta(description="As it was given when the user was made.")]
    role: Annotated[Role, Meta(description="`admin` sees and manages everything.")]
    limits: Annotated[LimitsView, Meta(description="The limits of the user and of each API key.")]


class UserView(msgspec.Struct, frozen=True):
    """One user."""

    id: Annotated[UUID, Meta(description="The id of the user.")]
    name: Annotated[str, Meta(description="No other user has it.")]
    role: Annotated[Role, Meta(description="`admin` sees and manages everything.")]
    created_at: Annotated[datetime, Meta(description="When the user was made.")]


class NewUserView(UserView, frozen=True):
    """A new user with the first API key."""

    api_key: Annotated[str, Meta(description="The key. Keep it: no other response shows it.")]


class UserBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The user to make."""

    name: Annotated[UserName, Meta(description="No other user may have it.")]
    role: Annotated[Role, Meta(description="`admin` sees and manages everything.")] = "user"
    key_label: Annotated[KeyLabel | None, Meta(description="The label of the first key.")] = None


class KeyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The label of a new key."""

    label: Annotated[KeyLabel | None, Meta(description="For example the program or the person that will use it.")] = (
        None
    )


class KeyView(msgspec.Struct, frozen=True):
    """One key, without the key itself."""

    id: Annotated[UUID, Meta(description="The id of the key; not the key.")]
    hint: Annotated[str | None, Meta(description="Its last four characters; null for keys that are older than hints.")]
    label: Annotated[str | None, Meta(description="What its owner calls it.")]
    created_at: Annotated[datetime, Meta(description="When the key was made.")]
    last_used_at: Annotated[
        Timestamp | None,
        Meta(description="When a request last used it, to about a minute; null if no use is recorded."),
    ]


class NewKeyView(KeyView, frozen=True):
    """A new key."""

    api_key: Annotated[str, Meta(description="The key. Keep it: no other response shows it.")]


@operation("users_me", Tag.USERS)
async def me(call: Call[NoQuery, None]) -> MeView:
    """The caller: name, role, limits."""
    rates = call.state["rates"]
    limits = LimitsView(_rate_view(rates.requests), _rate_view(rates.downloads), _rate_view(rates.numbers), KEYS_MAX)
    return MeView(call.user.id, call.user.name, call.user.role, limits)


@operation("users_index", Tag.USERS, access=Access.ADMIN)
async def index(call: Call[PageQuery, None]) -> Page[UserView]:
    """All users, the newest first."""
    size, after = call.query.limit, pagination.position(call.query.cursor, Position[UUID])
    async with call.state["database"].connection() as connection:
        found = await users.page(connection, after=after, limit=size + 1)
    rows, cursor = pagination.cut(found, size, lambda row: Position(row.created_at, row.id))
    return Page([UserView(**_user(row)) for row in rows], cursor)


@operation("users_create", Tag.USERS, _CREATED, problems=("user_exists",), access=Access.ADMIN)
async def create(call: Call[NoQuery, UserBody]) -> NewUserView:
    """Add a user with one key and a signing secret."""
    api_key, wanted = new_api_key(), call.body
    try:
        async with call.state["database"].transaction() as connection:
            user_id = await users.create(
                connection,
                name=wanted.name,
                role=wanted.role,
                api_key=api_key,
                secret=new_secret(),
                key_label=wanted.key_label,
            )
            created = await users.find(connection, user_id)
    except NameTaken:
        raise Problem("user_exists", "Another user has this name.") from None
    return NewUserView(**_user(_found(created)), api_key=api_key)


@operation("users_delete", Tag.USERS, _ENDED, problems=("user_not_found", "last_admin"), access=Access.ADMIN)
async def delete(call: Call[NoQuery, None]) -> None:
    """Delete a user.

    The keys and webhooks of the user end at once. Jobs go on, because other users may wait for the same case.
    """
    user_id = call.identifier("user_id")
    try:
        is_deleted = user_id is not None and await call.state["database"].run(
            lambda connection: users.delete(connection, user_id)
        )
    except LastAdmin:
        raise Problem("last_admin", "This is the last administrator who has a key.") from None
    if not is_deleted:
        raise _user_not_found()


@operation("users_keys", Tag.USERS, problems=("forbidden", "user_not_found"))
async def keys(call: Call[PageQuery, None]) -> Page[KeyView]:
    """The keys that are not revoked, the newest first.

    They are the caller's own; an administrator can list those of any user.
    """
    user_id = _allowed_user(call)
    size, after = call.query.limit, pagination.position(call.query.cursor, Position[UUID])
    async with call.state["database"].connection() as connection:
        _found(await users.find(connection, user_id))
        found = await api_keys.page(connection, user_id, after=after, limit=size + 1)
    rows, cursor = pagination.cut(found, size, lambda row: Position(row.created_at, row.id))
    return Page([KeyView(**_key(row)) for row in rows], cursor)


@operation("users_create_key", Tag.USERS, _CREATED, problems=("forbidden", "user_not_found", "too_many_keys"))
async def create_key(call: Call[NoQuery, KeyBody]) -> NewKeyView:
    """Add a key.

    The user's other keys stay valid, so that a key can be replaced without an interruption.
    """
    user_id, api_key = _allowed_user(call), new_api_key()
    try:
        async with call.state["database"].transaction() as connection:
            added = await api_keys.add(connection, user_id, api_key, label=call.body.label)
    except TooManyKeys:
        raise Problem("too_many_keys", f"A user has {KEYS_MAX} keys at most: revoke one first.") from None
    if added is None:
        raise _user_not_found()
    return NewKeyView(**_key(added), api_key=api_key)


@operation("users_revoke_key", Tag.USERS, _ENDED, problems=("forbidden", "key_not_found", "last_admin"))
async def revoke_key(call: Call[NoQuery, None]) -> None:
    """Revoke a key, even the one that this request uses."""
    user_id, key_id = _allowed_user(call), call.identifier("key_id")
    try:
        async with call.state["database"].transaction() as connection:
            is_revoked = key_id is not None and await api_keys.revoke(connection, key_id, user_id=user_id)
    except LastAdmin:
        raise Problem("last_admin", "This is the last key of the last administrator.") from None
    if not is_revoked:
        raise Problem("key_not_found", "This user has no such key.")


def _allowed_user(call: Call[Any, Any]) -> UUID:
    """The user in the path. Raises `user_not_found` (404) if it is no UUID.

    Raises `forbidden` (403) if a caller who is no administrator names another user, whether that one exists or not.
    """
    user_id = call.identifier("user_id")
    if call.user.role != "admin" and user_id != call.user.id:
        raise Problem("forbidden", "Only an administrator may do this for somebody else.")
    if user_id is None:
        raise _user_not_found()
    return user_id


def _found(row: UserRow | None) -> UserRow:
    if row is None:
        raise _user_not_found()
    return row


def _user_not_found() -> Problem:
    return Problem("user_not_found", "There is no such user.")


def _rate_view(item: RateLimitItem) -> RateView:
    return RateView(item.amount, item.get_expiry())


def _user(row: UserRow) -> dict[str, Any]:
    return msgspec.structs.asdict(row) | {"created_at": row.created_at.astimezone(UTC)}


def _key(row: KeyRow) -> dict[str, Any]:
    times = {"created_at": row.created_at.astimezone(UTC), "last_used_at": to_utc(row.last_used_at)}
    return msgspec.structs.asdict(row) | times
