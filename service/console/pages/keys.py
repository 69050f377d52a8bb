"""API keys: the visitor's own, and for administrators those of one user. A key is shown once, when it is made."""

from uuid import UUID

import msgspec

from service.api.framework.operations import Access
from service.console.framework.declarations import Go, Shown, page, post
from service.console.framework.visits import Visit
from service.database.users import api_keys, users
from service.database.users.api_keys import KEYS_MAX, KeyRow, LastAdmin, TooManyKeys
from service.database.users.users import UserRow
from service.domain.api_keys import new_api_key
from service.domain.users import KeyLabel
from service.http.problems import Problem

_TEMPLATE = "keys.html"
_UNPROCESSABLE = 422


class KeysView(msgspec.Struct, frozen=True):
    """The page."""

    path: str  #: of the page, to which its forms belong
    keys: list[KeyRow]
    session_key: UUID  #: the key that the visitor has logged in with
    user: UserRow | None = None  #: whose keys they are; None for one's own
    made: str | None = None  #: a new key
    label: str = ""  #: as it was typed
    error: str | None = None  #: the key of a text about the label

    @property
    def is_full(self) -> bool:
        """Whether no more keys can be made."""
        return len(self.keys) >= KEYS_MAX

    @property
    def most(self) -> int:
        """Keys that a user may have."""
        return KEYS_MAX


@page(_TEMPLATE)
async def show(visit: Visit) -> KeysView:
    """The visitor's own keys."""
    return await _view(visit, visit.user.id, "/console/keys")


@page(_TEMPLATE, access=Access.ADMIN)
async def show_of_user(visit: Visit) -> KeysView:
    """The keys of one user."""
    user_id = _in_path(visit)
    return await _view(visit, user_id, f"/console/users/{user_id}")


@post()
async def create(visit: Visit) -> Go | Shown:
    """Make a key of one's own."""
    return await _create(visit, visit.user.id, "/console/keys")


@post(access=Access.ADMIN)
async def create_for_user(visit: Visit) -> Go | Shown:
    """Make a key for a user."""
    user_id = _in_path(visit)
    return await _create(visit, user_id, f"/console/users/{user_id}")


@post()
async def revoke(visit: Visit) -> Go:
    """Revoke a key of one's own. If the visitor has logged in with it, the session ends."""
    await _revoke(visit, visit.user.id)
    return Go("/console/keys", done="key_revoked")


@post(access=Access.ADMIN)
async def revoke_of_user(visit: Visit) -> Go:
    """Revoke a key of a user."""
    user_id = _in_path(visit)
    await _revoke(visit, user_id)
    return Go(f"/console/users/{user_id}", done="key_revoked")


async def _view(visit: Visit, user_id: UUID, path: str) -> KeysView:
    async with visit.state["database"].connection() as connection:
        is_own = path == "/console/keys"
        user = None if is_own else await users.find(connection, user_id)
        if user is None and not is_own:
            raise _unknown_user()
        found = await api_keys.page(connection, user_id, after=None, limit=KEYS_MAX)
    return KeysView(path, found, visit.user.key_id, user, visit.cookies.take_handed_over())


async def _create(visit: Visit, user_id: UUID, path: str) -> Go | Shown:
    given, api_key = visit.form.text("label"), new_api_key()
    try:
        label = msgspec.convert(given, KeyLabel) if given else None
    except msgspec.ValidationError:
        view = await _view(visit, user_id, path)
        wrong = msgspec.structs.replace(view, label=given, error="keys.wrong_label")
        return Shown(wrong, _TEMPLATE, _UNPROCESSABLE)
    try:
        async with visit.state["database"].transaction() as connection:
            added = await api_keys.add(connection, user_id, api_key, label=label)
    except TooManyKeys:
        raise Problem("too_many_keys", f"A user has {KEYS_MAX} keys at most.") from None
    if added is None:
        raise _unknown_user()
    visit.cookies.hand_over(api_key)
    return Go(path)


async def _revoke(visit: Visit, user_id: UUID) -> None:
    key_id = visit.identifier("key_id")
    try:
        async with visit.state["database"].transaction() as connection:
            is_revoked = key_id is not None and await api_keys.revoke(connection, key_id, user_id=user_id)
    except LastAdmin:
        raise Problem("last_admin", "This is the last key of the last administrator.") from None
    if not is_revoked:
        raise Problem("key_not_found", "This user has no such key.")


def _in_path(visit: Visit) -> UUID:
    user_id = visit.identifier("user_id")
    if user_id is None:
        raise _unknown_user()
    return user_id


def _unknown_user() -> Problem:
    return Problem("user_not_found", "There is no such user.")
