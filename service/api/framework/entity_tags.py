"""ETags that are computed without the response: they show whether a client already has the newest one."""

import hashlib
import time
from datetime import datetime

import msgspec
from starlette.responses import Response

from service.api.framework.operations import Reply
from service.api.framework.state import ApiRequest
from service.database.cases.processes import Overview
from service.domain.process_number import ProcessNumber

CLOCK_STEPS = 5  # seconds that may pass between two readings of the clock
NOT_MODIFIED = Reply(
    304,
    "Nothing has changed since the response whose `ETag` is in `If-None-Match`.",
    media_type=None,
    headers=("ETag",),
)


def case_tag(
    kind: str, number: ProcessNumber, overview: Overview, *, link_ttl: int, links_end: datetime | None = None
) -> str:
    """The tag of a response about a case. Read `overview` before the documents that the response shows.

    The tag is weak, because each response has links of its own. It changes at least once in half of the links'
    lifetime (`link_ttl`, in seconds), so after a 304 the client's links stay valid for the other half. Different cases
    change at different times. `links_end`: when links that are signed now expire, which is before `link_ttl` if the
    credentials end earlier; these are renewed before that.
    """
    half, now = link_ttl // 2, int(time.time())
    period = (now + int(number.digits) % half) // half
    credentials_end = links_end if links_end and links_end.timestamp() < now + link_ttl - CLOCK_STEPS else None
    # No response about one case shows `updated_at`, which a repeated request may change alone.
    process = msgspec.structs.replace(overview.process, updated_at=overview.process.created_at)
    shown = msgspec.structs.replace(overview, process=process)
    known = msgspec.json.encode((kind, number.digits, period, link_ttl, credentials_end, shown))
    return f'W/"{hashlib.sha256(known).hexdigest()[:32]}"'


def has_newest(request: ApiRequest, tag: str) -> bool:
    """Whether the client names this tag in `If-None-Match` (RFC 9110, section 13.1.2)."""
    named = [each.strip() for line in request.headers.getlist("if-none-match") for each in line.split(",")]
    return "*" in named or tag.removeprefix("W/") in {each.removeprefix("W/") for each in named}


def not_modified(tag: str) -> Response:
    """The 304 response."""
    return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "no-store"})
