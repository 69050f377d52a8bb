"""Users, for administrators: who there is, make one, delete one."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from service.api.framework import pagination
from service.api.framework.operations import Access
from service.console.framework.declarations import Go, Shown, page, post
from service.console.framework.visits import Visit
from service.database.users import users
from service.database.users.api_keys import LastAdmin
from service.database.users.users import NameTaken, UserRow
from service.domain.api_keys import new_api_key
from service.domain.positions import Position
from service.domain.users import Role, UserName
from service.http.problems import Problem
from service.webhooks.signature import new_secret

_TEMPLATE = "users.html"
_ROWS = 50  # of a page
_UNPROCESSABLE, _CONFLICT = 422, 409


class UsersView(msgspec.Struct, frozen=True):
    """The page."""

    users: Sequence[UserRow]
    cursor: str | None  #: of the next page
    is_first: bool
    name: str = ""  #: as it was typed
    error: str | None = None  #: the key of a text about the name


@page(_TEMPLATE, access=Access.ADMIN)
async def show(visit: Visit) -> UsersView:
    """The users, the newest first."""
    return await _view(visit)


@post(access=Access.ADMIN)
async def create(visit: Visit) -> Go | Shown:
    """Make a user with a first key, which the next page shows."""
    given, api_key = visit.form.text("name"), new_api_key()
    role: Role = "admin" if visit.form.text("role") == "admin" else "user"
    try:
        name = msgspec.convert(given, UserName)
    except msgspec.ValidationError:
        return await _corrected(visit, given, "users.wrong_name", _UNPROCESSABLE)
    try:
        async with visit.state["database"].transaction() as connection:
            user_id = await users.create(connection, name=name, role=role, api_key=api_key, secret=new_secret())
    except NameTaken:
        return await _corrected(visit, given, "users.name_taken", _CONFLICT)
    visit.cookies.hand_over(api_key)
    return Go(f"/console/users/{user_id}")


@post(access=Access.ADMIN)
async def delete(visit: Visit) -> Go:
    """Delete a user. The keys, the sessions and the webhooks of the user end at once."""
    user_id = visit.identifier("user_id")
    try:
        is_deleted = user_id is not None and await visit.state["database"].run(
            lambda connection: users.delete(connection, user_id)
        )
    except LastAdmin:
        raise Problem("last_admin", "This is the last administrator who has a key.") from None
    if not is_deleted:
        raise Problem("user_not_found", "There is no such user.")
    return Go("/console/users", done="user_deleted")


async def _corrected(visit: Visit, name: str, error: str, status: int) -> Shown:
    view = msgspec.structs.replace(await _view(visit), name=name, error=error)
    return Shown(view, _TEMPLATE, status)


async def _view(visit: Visit) -> UsersView:
    cursor = visit.query("cursor") or None
    after = pagination.position(cursor, Position[UUID])
    async with visit.state["database"].connection() as connection:
        found = await users.page(connection, after=after, limit=_ROWS + 1)
    rows, following = pagination.cut(found, _ROWS, lambda row: Position(row.created_at, row.id))
    return UsersView(rows, following, is_first=cursor is None)
