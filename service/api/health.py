"""`/health`: whether the process responds, and whether its dependencies do."""

from typing import Annotated

import msgspec
from msgspec import Meta

from service.api.framework.operations import Answer, Reply, Tag, public
from service.api.framework.state import ApiRequest
from service.domain.version import VERSION
from service.health.readiness import OK


class LiveView(msgspec.Struct, frozen=True):
    """The process responds."""

    status: Annotated[str, Meta(description="`ok`.")]
    version: Annotated[str, Meta(description="The version of the service.")]


class ReadyView(msgspec.Struct, frozen=True):
    """The dependencies of the service, each `ok` or why not."""

    status: Annotated[str, Meta(description="`ok`, `unavailable`, or `stopping` in the last seconds of a process.")]
    database: Annotated[str, Meta(description="PostgreSQL.")]
    redis: Annotated[str, Meta(description="Redis.")]
    object_store: Annotated[str, Meta(description="The bucket.")]
    portal_token: Annotated[str, Meta(description="Whether the portal accepts the token.")]
    portal: Annotated[
        str,
        Meta(description="Whether it works, as seen by all processes; never the cause of a 503: requests are kept."),
    ]


@public("health_live", Tag.OPERATIONS)
async def live(_request: ApiRequest) -> LiveView:
    """The process responds."""
    return LiveView("ok", VERSION)


@public(
    "health_ready",
    Tag.OPERATIONS,
    Reply(200, "Requests are accepted."),
    Reply(503, "A dependency that the API needs to accept requests is unavailable."),
)
async def ready(request: ApiRequest) -> Answer[ReadyView]:
    """The state of the database, Redis, the object store, the portal and its token.

    Each is `ok` or says why not. The status is 503 without the database or the object store. Without Redis, the portal
    or a valid token, requests are accepted, and the work goes on when it is back. The response comes within two
    seconds, even if a dependency hangs. It is also 503 in the last seconds of a process that is stopping and still
    serves requests: `status` is then `stopping`.
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
