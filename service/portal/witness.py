"""The second request: a refused request means little until a request that should work was sent too."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto

from yarl import URL

from service.domain.errors import ErrorCode
from service.portal.errors import Blocked, PortalError, Refused, Unauthorized, Unavailable

VERDICT_LIFETIME = 5.0  # seconds for which a verdict is reused: many documents of a case fail at the same time


class Verdict(Enum):
    """The result of the second request."""

    WORKS = auto()  #: the portal answers 200
    REFUSES = auto()  #: the portal refuses this case or document: the portal and the token work
    UNAUTHORIZED = auto()  #: the token is refused here too
    BLOCKED = auto()  #: a firewall answers here too
    FAILS = auto()  #: it failed: nothing is known

    @classmethod
    def of(cls, error: PortalError) -> "Verdict":
        """Return the verdict for an error of the second request."""
        if isinstance(error, Unauthorized):
            return cls.UNAUTHORIZED
        if isinstance(error, Blocked):
            return cls.BLOCKED
        return cls.REFUSES if isinstance(error, Refused) else cls.FAILS


class Witness:
    """Sends the second request once for all callers that need it at the same time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._asked: tuple[URL, str] | None = None
        self._asked_at = 0.0
        self._verdict = Verdict.FAILS

    async def ask(self, url: URL, token: str, ask: Callable[[], Awaitable[Verdict]]) -> Verdict:
        """Return the verdict for `url` with `token`, from `ask` or from less than `VERDICT_LIFETIME` seconds ago."""
        clock = asyncio.get_running_loop().time
        async with self._lock:
            if not self._knows(url, token, clock()):
                self._verdict = await ask()
                self._asked, self._asked_at = (url, token), clock()
            return self._verdict

    def _knows(self, url: URL, token: str, now: float) -> bool:
        if self._asked is None or self._asked[1] != token or now - self._asked_at > VERDICT_LIFETIME:
            return False
        # A refused token or a firewall concerns all cases, not only this URL.
        return self._asked[0] == url or self._verdict in {Verdict.UNAUTHORIZED, Verdict.BLOCKED}


def in_view_of(verdict: Verdict) -> PortalError:
    """Return the error for a 401, by the verdict for another request with the same token."""
    if verdict is Verdict.UNAUTHORIZED:
        return Unauthorized()
    if verdict in {Verdict.WORKS, Verdict.REFUSES}:
        return Unauthorized(token_works=True)
    return Unavailable(ErrorCode.PORTAL_UNAVAILABLE, "refused, and nobody can say whether for the token")


def witness_url(base: URL, url: URL) -> URL | None:
    """Return the second URL to ask if `url` was refused: a document's case, or a case's search; None for a search."""
    parts = url.path.removeprefix(base.path.rstrip("/")).strip("/").split("/")
    if len(parts) < 2 or parts[0] != "processos":
        return None
    if len(parts) > 2:
        return base / "processos" / parts[1]
    return (base / "processos").with_query(numeroProcesso=parts[1])
