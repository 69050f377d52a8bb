"""Whether the process answers, and whether what it needs does."""

import msgspec

from service.api.framework.operations import Answer, Reply, Tag, public
from service.api.state import ApiRequest
from service.domain.version import VERSION
from service.health.readiness import OK


class LiveView(msgspec.Struct, frozen=True):
    """That the process answers."""

    status: str  #: `ok`
    version: str  #: of the service


class ReadyView(msgspec.Struct, frozen=True):
    """What the service needs, each `ok` or why not."""

    status: str  #: `ok`, `unavailable`, or `stopping` in the last seconds of a process
    database: str  #: PostgreSQL
    redis: str  #: Redis
    object_store: str  #: the bucket
    portal_token: str  #: whether the portal takes the token
    portal: str  #: whether it works, by what all processes met; no reason for a 503: requests are kept


@public("health_live", Tag.OPERATIONS)
async def live(_request: ApiRequest) -> LiveView:
    """The process answers."""
    return LiveView("ok", VERSION)


@public(
    "health_ready",
    Tag.OPERATIONS,
    Reply(200, "Requests are accepted."),
    Reply(503, "Something is away that the API needs to accept requests."),
)
async def ready(request: ApiRequest) -> Answer[ReadyView]:
    """What the service needs: the database, Redis, the object store, the portal and its token.

    Each is `ok` or says why not. 503 when one is not that the API needs to accept requests. Without Redis, the portal
    or a token that works they are accepted all the same, and the work goes on when it is back. The answer comes
    within two seconds, whatever hangs. 503 too in the last seconds of a process that was told to stop, in which it
    still answers: `status` is `stopping`.
    """
    found = await request.state["readiness"].look()
    is_stopping = request.state["drain"].is_on
    is_ready = found.is_ready and not is_stopping
    view = ReadyView(
        OK if is_ready else "stopping" if is_stopping else "unavailable",
        found.database,
        found.redis,
        found.object_store,
        found.portal_token,
        found.portal,
    )
    return Answer(view, 200 if is_ready else 503)
