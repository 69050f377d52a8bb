"""Whether a document that failed is tried again, and when."""

import random

from service.domain.errors import ErrorCode
from service.portal.errors import Busy, NotFound, NotReady, PortalError, PresumedDenied, Refused

DOCUMENT_BACKOFF = 1.0  # seconds after the first attempt, doubled after each further one
DOCUMENT_BACKOFF_MAX = 30.0  # seconds
NOT_READY_MAX = 600.0  # seconds of waiting while a document answers 202; after that each 202 counts as an attempt
#: Errors that may be an outage of the whole portal: a document fails with them only if the portal works otherwise.
SHARED = frozenset(
    {
        ErrorCode.PORTAL_UNAVAILABLE,
        ErrorCode.PORTAL_PAGE,
        ErrorCode.REDIRECTED,
        ErrorCode.TRUNCATED,
        ErrorCode.TOO_SLOW,
    }
)


class Tries:
    """The attempts at one document."""

    def __init__(self, limit: int) -> None:
        """At most `limit` attempts are counted."""
        self._limit = limit
        self._not_ready = 0
        self._waited = 0.0
        self._refusals = 0
        self.count = 0

    def delay(self, error: PortalError) -> float | None:
        """Note the failure and return the seconds until the next try; None if there is none."""
        if isinstance(error, Busy):
            return 0.0  # the gate is closed for as long as the portal asked
        if isinstance(error, NotReady) and self._waited < NOT_READY_MAX:
            self._not_ready += 1
            seconds = _delay(self._not_ready, error.retry_after)
            self._waited += seconds
            return seconds
        self.count += 1
        if self._is_believed(error) or self.count >= self._limit:
            return None
        return _delay(self.count, error.retry_after)

    @property
    def is_nearly_over(self) -> bool:
        """Whether one more counted failure is the end."""
        return self.count >= self._limit - 1

    def _is_believed(self, error: PortalError) -> bool:
        """Whether a permanent error is final: a 404 or a presumed denial only after a second request."""
        if not isinstance(error, Refused):
            return False
        self._refusals += 1
        return self._refusals > 1 or not isinstance(error, NotFound | PresumedDenied)


def _delay(attempt: int, asked_for: float | None) -> float:
    backoff: float = min(DOCUMENT_BACKOFF * 2 ** (attempt - 1), DOCUMENT_BACKOFF_MAX)
    return max(backoff, asked_for or 0.0) * random.uniform(1.0, 1.25)  # noqa: S311  (spreads load, hides nothing)
