"""Whether the process answers, and whether what it needs does."""

from collections.abc import Awaitable

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from service.api.responses import json_response
from service.api.state import ApiRequest
from service.database.connection import UNREACHABLE, Database
from service.object_store import StorageError


async def live(_request: Request) -> Response:
    """The process answers."""
    return json_response({"status": "ok"})


async def ready(request: ApiRequest) -> Response:
    """The database, Redis and the object store, each `ok` or why not; 503 when one that is needed is not.

    Redis is not needed to accept requests: the sweep rings when it is back.
    """
    state = request.state
    checks = {
        "database": await _outcome(_ask(state["database"]), UNREACHABLE),
        "redis": await _outcome(state["bell"].ping(), (RedisError, OSError)),
        "object_store": await _outcome(state["store"].check(), (StorageError,)),
    }
    is_ready = checks["database"] == "ok" and checks["object_store"] == "ok"
    return json_response({"status": "ok" if is_ready else "unavailable", **checks}, 200 if is_ready else 503)


async def _ask(database: Database) -> None:
    async with database.connection() as connection:
        await connection.fetch_val("SELECT 1")


async def _outcome(check: Awaitable[object], failures: tuple[type[Exception], ...]) -> str:
    try:
        await check
    except failures:
        return "cannot be reached"
    return "ok"
