"""Sessions: begun with a key or a single-use token, looked up by each request, ended by the person."""

import hashlib
import secrets
from uuid import UUID

import structlog

from service.console.framework.visits import Visit
from service.database.console import sessions
from service.database.users.users import User


def digest(secret: str) -> bytes:
    """SHA-256 of a session id or of a token: the database keeps this."""
    return hashlib.sha256(secret.encode()).digest()


def new_secret_id() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def new_token() -> tuple[str, bytes]:
    """A single-use token, and its digest for the database."""
    token = new_secret_id()
    return token, digest(token)


def link_of(base_url: str, token: str) -> str:
    """The address at which a token opens the console."""
    return f"{base_url}/console/login?token={token}"


async def signed_in(visit: Visit) -> User | None:
    """The user of the session. Each request asks the database, so that what ends a session ends it at once."""
    session_id = visit.cookies.session
    if session_id is None:
        return None
    async with visit.state["database"].connection() as connection:
        user = await sessions.find(connection, digest(session_id))
    if user is not None:
        structlog.contextvars.bind_contextvars(user=str(user.id))
        visit.state["key_uses"].note(user.key_id)
    return user


async def begin(visit: Visit, key_id: UUID) -> None:
    """Begin a session of a key. The browser's earlier session ends: another person may know its id."""
    session_id, earlier = new_secret_id(), visit.cookies.session
    async with visit.state["database"].transaction() as connection:
        if earlier is not None:
            await sessions.end(connection, digest(earlier))
        await sessions.begin(connection, digest(session_id), key_id)
    visit.cookies.begin_session(session_id)


async def begin_by_token(visit: Visit, token: str) -> bool:
    """Begin a session with a single-use token. False if it is unknown, was used or has expired."""
    session_id = new_secret_id()
    async with visit.state["database"].transaction() as connection:
        key_id = await sessions.use_token(connection, digest(token))
        if key_id is None:
            return False
        await sessions.begin(connection, digest(session_id), key_id)
    visit.cookies.begin_session(session_id)
    return True


async def end(visit: Visit, *, everywhere: bool) -> None:
    """End this session, or all of the user's."""
    session_id = visit.cookies.session
    async with visit.state["database"].connection() as connection:
        if everywhere and visit.viewer is not None:
            await sessions.end_all(connection, visit.viewer.id)
        elif session_id is not None:
            await sessions.end(connection, digest(session_id))
    visit.cookies.end_session()
