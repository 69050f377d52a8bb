"""When credentials expire: a link is not valid for longer than the credentials that signed it."""

import bisect
from datetime import datetime, timedelta
from typing import Any

from botocore.credentials import RefreshableCredentials

#: Assumed for session tokens whose expiry is unknown: STS issues none for less than 15 minutes.
UNKNOWN_LIFE = timedelta(minutes=15)
_LONGEST = 36 * 3600  # seconds; STS issues no session token for longer


class CredentialsClock:
    """Knows when the credentials of a client expire."""

    def __init__(self, credentials: Any) -> None:
        """`credentials` are those of botocore, which renews the credentials of a role by itself."""
        self._credentials = credentials
        self._known: tuple[str, datetime | None] = ("", None)

    def end(self, token: str | None, *, now: datetime) -> datetime | None:
        """When the session token `token` expires. None without a token: the keys of a user do not expire."""
        if not token:
            return None
        if self._known[0] != token:
            self._known = (token, self._look(now))
        return self._known[1] or now + UNKNOWN_LIFE

    def _look(self, now: datetime) -> datetime | None:
        """None if the expiry is unknown."""
        if not isinstance(self._credentials, RefreshableCredentials):
            return None
        # botocore only tells whether they expire within a given number of seconds.
        seconds = bisect.bisect_left(range(_LONGEST + 1), True, key=self._credentials.refresh_needed)
        return None if seconds > _LONGEST else now + timedelta(seconds=max(0, seconds - 1))
