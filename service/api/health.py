"""Whether the process answers, and whether what it needs does."""

from collections.abc import Awaitable

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from service.api.responses import json_response
from service.api.state import ApiRequest
from service.database import portal
from service.database.connection import UNREACHABLE, Database
from service.object_store import StorageError


async def live(_request: Request) -> Response:
    """The process answers."""
    return json_response({"status": "ok"})


async def ready(request: ApiRequest) -> Response:
    """The database, Redis, the object store and the portal's token, each `ok` or why not.

    503 when one is not that the API needs to accept requests. Without Redis or a token that works they are
    accepted all the same, and the work goes on when it is back.
    """
    state = request.state
    checks = {
        "database": await _outcome(_ask(state["database"]), UNREACHABLE),
        "redis": await _outcome(state["bell"].ping(), (RedisError, OSError)),
        "object_store": await _outcome(state["store"].check(), (StorageError,)),
        "portal_token": await _token(state["database"], state["portal_credential"]),
    }
    is_ready = checks["database"] == "ok" and checks["object_store"] == "ok"
    return json_response({"status": "ok" if is_ready else "unavailable", **checks}, 200 if is_ready else 503)


async def _token(database: Database, credential: str) -> str:
    try:
        async with database.connection() as connection:
            since = await portal.refused_since(connection, credential)
    except UNREACHABLE:
        return "unknown"
    if since is None:
        return "ok"
    return f"refused by the portal since {since:%Y-%m-%dT%H:%M:%SZ}: downloads wait for a new token"


async def _ask(database: Database) -> None:
    async with database.connection() as connection:
        await connection.fetch_val("SELECT 1")


async def _outcome(check: Awaitable[object], failures: tuple[type[Exception], ...]) -> str:
    try:
        await check
    except failures:
        return "cannot be reached"
    return "ok"
