"""How long credentials live: a link that they sign dies with them."""

import bisect
from datetime import datetime, timedelta
from typing import Any

from botocore.credentials import RefreshableCredentials

#: Session tokens that do not say when they end live for 15 minutes at least: STS gives out none for less.
UNKNOWN_LIFE = timedelta(minutes=15)
_LONGEST = 36 * 3600  # seconds; STS gives out no session token for more


class CredentialsClock:
    """Knows when the credentials of a client end."""

    def __init__(self, credentials: Any) -> None:
        """`credentials` are botocore's, which renews those of a role by itself."""
        self._credentials = credentials
        self._known: tuple[str, datetime | None] = ("", None)

    def end(self, token: str | None, *, now: datetime) -> datetime | None:
        """When the session token that signs now ends. None for the keys of a user, which never do."""
        if not token:
            return None
        if self._known[0] != token:
            self._known = (token, self._look(now))
        return self._known[1] or now + UNKNOWN_LIFE

    def _look(self, now: datetime) -> datetime | None:
        """None: the credentials do not say."""
        if not isinstance(self._credentials, RefreshableCredentials):
            return None
        # The only question that botocore answers is whether they end within so many seconds.
        seconds = bisect.bisect_left(range(_LONGEST + 1), True, key=self._credentials.refresh_needed)
        return None if seconds > _LONGEST else now + timedelta(seconds=max(0, seconds - 1))
