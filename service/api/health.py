"""Whether the process answers, and whether what it needs does."""

from collections.abc import Awaitable

import msgspec
from redis.exceptions import RedisError

from service.api.operations import Answer, Reply, public
from service.api.state import ApiRequest
from service.database import portal
from service.database.connection import UNREACHABLE, Database
from service.store_errors import StorageError


class LiveView(msgspec.Struct, frozen=True):
    """That the process answers."""

    status: str  #: `ok`


class ReadyView(msgspec.Struct, frozen=True):
    """What the service needs, each `ok` or why not."""

    status: str  #: `ok` or `unavailable`
    database: str  #: PostgreSQL
    redis: str  #: Redis
    object_store: str  #: the bucket
    portal_token: str  #: whether the portal takes the token


@public()
async def live(_request: ApiRequest) -> LiveView:
    """The process answers."""
    return LiveView("ok")


@public(Reply(200, "Requests are accepted."), Reply(503, "Something is away that the API needs to accept requests."))
async def ready(request: ApiRequest) -> Answer[ReadyView]:
    """What the service needs: the database, Redis, the object store, the portal's token.

    Each is `ok` or says why not. 503 when one is not that the API needs to accept requests. Without Redis or a token
    that works they are accepted all the same, and the work goes on when it is back.
    """
    state = request.state
    database = await _outcome(state["database"].ping(), UNREACHABLE)
    redis = await _outcome(state["bell"].ping(), (RedisError, OSError))
    store = await _outcome(state["store"].check(), (StorageError,))
    token = await _token(state["database"], state["portal_credential"])
    is_ready = database == "ok" and store == "ok"
    view = ReadyView("ok" if is_ready else "unavailable", database, redis, store, token)
    return Answer(view, 200 if is_ready else 503)


async def _token(database: Database, credential: str) -> str:
    try:
        async with database.connection() as connection:
            since = await portal.refused_since(connection, credential)
    except UNREACHABLE:
        return "unknown"
    if since is None:
        return "ok"
    return f"refused by the portal since {since:%Y-%m-%dT%H:%M:%SZ}: downloads wait for a new token"


async def _outcome(check: Awaitable[object], failures: tuple[type[Exception], ...]) -> str:
    try:
        await check
    except failures:
        return "cannot be reached"
    return "ok"
