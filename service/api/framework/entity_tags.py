"""ETags of answers that are made anew each time: whether a client has the newest one, without making it."""

import hashlib
import time
from datetime import datetime

import msgspec
from starlette.responses import Response

from service.api.framework.operations import Reply
from service.api.state import ApiRequest
from service.database.cases.processes import Overview
from service.domain.process_number import ProcessNumber

CLOCK_STEPS = 5  # seconds that may pass between two looks at the clock
NOT_MODIFIED = Reply(
    304, "Nothing has changed since the answer whose `ETag` is in `If-None-Match`.", media_type=None, headers=("ETag",)
)


def case_tag(
    kind: str, number: ProcessNumber, overview: Overview, *, link_ttl: int, links_end: datetime | None = None
) -> str:
    """The tag of an answer of this kind on a case, from its rows as they were before the documents were read.

    It is a weak one, since each answer has links of its own, and changes at least once in half of their life: whoever
    is told that nothing changed has links that live on for the other half. Not for all cases at once. `links_end` is
    when links that are signed now end: earlier where the credentials do, which are renewed before that.
    """
    half, now = link_ttl // 2, int(time.time())
    period = (now + int(number.digits) % half) // half
    credentials_end = links_end if links_end and links_end.timestamp() < now + link_ttl - CLOCK_STEPS else None
    known = msgspec.json.encode((kind, number.digits, period, link_ttl, credentials_end, overview))
    return f'W/"{hashlib.sha256(known).hexdigest()[:32]}"'


def has_newest(request: ApiRequest, tag: str) -> bool:
    """Whether the client names this tag in `If-None-Match` (RFC 9110, section 13.1.2)."""
    named = [each.strip() for line in request.headers.getlist("if-none-match") for each in line.split(",")]
    return "*" in named or tag.removeprefix("W/") in {each.removeprefix("W/") for each in named}


def not_modified(tag: str) -> Response:
    """The answer to a client that has the newest one."""
    return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "no-store"})
