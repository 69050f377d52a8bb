"""The second question: one refused request says little until something that should work was asked too."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto

from yarl import URL

from service.domain.errors import ErrorCode
from service.portal.errors import Blocked, PortalError, Refused, Unauthorized, Unavailable

FRESH = 5.0  # seconds for which a verdict holds: many documents of a case fail in the same moment


class Verdict(Enum):
    """What the second question showed."""

    WORKS = auto()  #: the portal answers as it should
    REFUSES = auto()  #: the portal itself refuses this one: it works, and the token does
    UNAUTHORIZED = auto()  #: the token is not accepted here either
    BLOCKED = auto()  #: a firewall answers here too
    FAILS = auto()  #: nothing can be said

    @classmethod
    def of(cls, error: PortalError) -> "Verdict":
        """The verdict that an error is."""
        if isinstance(error, Unauthorized):
            return cls.UNAUTHORIZED
        if isinstance(error, Blocked):
            return cls.BLOCKED
        return cls.REFUSES if isinstance(error, Refused) else cls.FAILS


class Witness:
    """Asks once for all that doubt in the same moment."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._asked: tuple[URL, str] | None = None
        self._asked_at = 0.0
        self._verdict = Verdict.FAILS

    async def ask(self, url: URL, token: str, ask: Callable[[], Awaitable[Verdict]]) -> Verdict:
        """The verdict on `url` with `token`, asked now or a moment ago."""
        clock = asyncio.get_running_loop().time
        async with self._lock:
            if not self._knows(url, token, clock()):
                self._verdict = await ask()
                self._asked, self._asked_at = (url, token), clock()
            return self._verdict

    def _knows(self, url: URL, token: str, now: float) -> bool:
        if self._asked is None or self._asked[1] != token or now - self._asked_at > FRESH:
            return False
        # What stands in everybody's way was said for all cases.
        return self._asked[0] == url or self._verdict in {Verdict.UNAUTHORIZED, Verdict.BLOCKED}


def in_view_of(verdict: Verdict) -> PortalError:
    """What a 401 was, by the verdict on something else that was asked with the same token."""
    if verdict is Verdict.UNAUTHORIZED:
        return Unauthorized()
    if verdict in {Verdict.WORKS, Verdict.REFUSES}:
        return Unauthorized(token_works=True)
    return Unavailable(ErrorCode.PORTAL_UNAVAILABLE, "refused, and nobody can say whether for the token")


def witness_url(base: URL, url: URL) -> URL | None:
    """What to ask when `url` was refused: for a document its case, for a case the search. The search has none."""
    parts = url.path.removeprefix(base.path.rstrip("/")).strip("/").split("/")
    if len(parts) < 2 or parts[0] != "processos":
        return None
    if len(parts) > 2:
        return base / "processos" / parts[1]
    return (base / "processos").with_query(numeroProcesso=parts[1])
