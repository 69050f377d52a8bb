"""Log in with an API key or by a single-use link, and log out."""

import re
from uuid import UUID

import msgspec
from starlette.responses import RedirectResponse, Response

from service.api.framework.authentication import PresentedKey
from service.api.framework.operations import Access
from service.console.framework import sessions
from service.console.framework.attempts import check_attempts, count_wrong
from service.console.framework.declarations import Go, Shown, page, post
from service.console.framework.local_paths import local_path
from service.console.framework.origins import is_from_elsewhere
from service.console.framework.visits import CONSOLE, Visit
from service.database.users import users

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_TEMPLATE = "log_in.html"
_UNAUTHORIZED = 401
_GONE = 410


class LogInView(msgspec.Struct, frozen=True):
    """The form."""

    next: str = ""  #: the path to go on to
    error: str | None = None  #: the key of a text
    token: str | None = None  #: of a link that another site led to: the person has to go on by a button


@page(_TEMPLATE, access=Access.PUBLIC)
async def show(visit: Visit) -> LogInView | Shown | Response:
    """The form, or a session if the link has a token that was not used yet."""
    wanted = local_path(visit.query("next")) or ""
    token = visit.query("token")
    if not token:
        return _to_console(visit, wanted) if visit.viewer is not None else LogInView(wanted)
    # Another site must not choose the user of this browser, and a program that previews a link must not use it up.
    if is_from_elsewhere(visit.request) or visit.request.method != "GET":
        return LogInView(wanted, token=token)
    return await _by_token(visit, token, wanted)


@post(access=Access.PUBLIC, is_safe=True)
async def log_in(visit: Visit) -> Go | Shown | Response:
    """Begin a session with the key in the form, or with the token of a link."""
    wanted = local_path(visit.form.text("next")) or ""
    if token := visit.form.text("token"):
        return await _by_token(visit, token, wanted)
    await check_attempts(visit)
    key_id = await _key_id(visit, visit.form.text("key"))
    if key_id is None:
        await count_wrong(visit)
        return Shown(LogInView(wanted, "login.wrong"), _TEMPLATE, _UNAUTHORIZED)
    await sessions.begin(visit, key_id)
    return _to_console(visit, wanted)


@post(access=Access.PUBLIC, is_safe=True)
async def log_out(visit: Visit) -> Go:
    """End the session; with `everywhere` all sessions of the user."""
    everywhere = bool(visit.form.text("everywhere"))
    await sessions.end(visit, everywhere=everywhere)
    return Go("/console/login", done="logged_out_everywhere" if everywhere else "logged_out")


async def _by_token(visit: Visit, token: str, wanted: str) -> Shown | Response:
    await check_attempts(visit)
    if await sessions.begin_by_token(visit, token):
        return _to_console(visit, wanted)
    await count_wrong(visit)
    return Shown(LogInView(wanted, "login.used"), _TEMPLATE, _GONE)


async def _key_id(visit: Visit, key: str) -> UUID | None:
    if not _KEY.fullmatch(key):
        return None
    async with visit.state["database"].connection() as connection:
        user = await users.find_by_key_hash(connection, PresentedKey.of(key).hash)
    return None if user is None else user.key_id


def _to_console(visit: Visit, wanted: str) -> Response:
    return RedirectResponse(visit.href(wanted or CONSOLE), 303)
