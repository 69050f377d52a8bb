"""The cookies of the console. With HTTPS their names begin with `__Host-`: no other host of the domain can set them."""

from collections.abc import Mapping
from datetime import timedelta

from starlette.responses import Response

from service.database.console.sessions import SESSION_LIFE

_SESSION, _LANGUAGE, _THEME, _ONCE, _SHARE = "session", "language", "theme", "once", "share"
_YEAR = timedelta(days=365)
_ONCE_LIFE = timedelta(minutes=1)


class Cookies:
    """The cookies of one request, and those that its response sets."""

    def __init__(self, given: Mapping[str, str], *, is_secure: bool) -> None:
        self._given = given
        self._is_secure = is_secure
        self._prefix = "__Host-autos_" if is_secure else "autos_"
        self._changed: dict[str, tuple[str, timedelta]] = {}

    @property
    def session(self) -> str | None:
        """The id of the session."""
        return self._get(_SESSION)

    @property
    def language(self) -> str | None:
        """What the switch of languages was set to."""
        return self._get(_LANGUAGE)

    @property
    def theme(self) -> str:
        """What the switch of the theme was set to, or empty."""
        return self._get(_THEME) or ""

    def begin_session(self, session_id: str) -> None:
        """Set the session, as long as it lives in the database."""
        self._changed[_SESSION] = session_id, SESSION_LIFE

    def end_session(self) -> None:
        """Remove the session from the browser."""
        self._changed[_SESSION] = "", timedelta(0)

    def prefer(self, *, language: str | None = None, theme: str | None = None) -> None:
        """Keep what a person has switched to."""
        if language is not None:
            self._changed[_LANGUAGE] = language, _YEAR
        if theme is not None:
            self._changed[_THEME] = theme, _YEAR

    def hand_over(self, secret: str) -> None:
        """Let the next page show a secret that is stored nowhere: the browser brings it back once."""
        self._changed[_ONCE] = secret, _ONCE_LIFE

    def take_handed_over(self) -> str | None:
        """The secret to show on this page, and on no other."""
        secret = self._get(_ONCE)
        if secret is not None:
            self._changed[_ONCE] = "", timedelta(0)
        return secret

    @property
    def share(self) -> str | None:
        """What opens a case that was shared."""
        return self._get(_SHARE)

    def keep_share(self, secret: str, life: timedelta) -> None:
        """Keep what opens a case that was shared. The one opened last is kept."""
        self._changed[_SHARE] = secret, life

    def write(self, response: Response) -> None:
        """Add what was changed to a response."""
        for name, (value, life) in self._changed.items():
            response.set_cookie(
                self._prefix + name,
                value,
                max_age=int(life.total_seconds()),
                path="/",
                secure=self._is_secure,
                httponly=True,
                samesite="strict",
            )

    def _get(self, name: str) -> str | None:
        return self._given.get(self._prefix + name) or None
