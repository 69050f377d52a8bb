"""A visit: one request for a page, with who asks, in which language, and where links lead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from starlette.requests import Request

from service.api.framework.state import ApiRequest, State
from service.console.framework.cookies import Cookies
from service.console.framework.forms import Form
from service.console.languages.choice import Language, chosen
from service.console.languages.messages import message
from service.database.users.users import User

CONSOLE = "/console"
THEMES = ("auto", "light", "dark")


@dataclass
class Visit:
    """One request. `viewer` is None on pages that need no session."""

    request: ApiRequest
    viewer: User | None = None
    form: Form = field(default_factory=Form)

    @classmethod
    def of(cls, request: Request) -> "Visit":
        """The visit of a request that no route has handled yet."""
        return cls(cast(ApiRequest, request))

    @property
    def state(self) -> State:
        """The dependencies."""
        return self.request.state

    @property
    def user(self) -> User:
        """The user. Only for pages that need a session."""
        if self.viewer is None:
            raise LookupError("this page needs no session")
        return self.viewer

    @property
    def is_admin(self) -> bool:
        """Whether an administrator looks."""
        return self.viewer is not None and self.viewer.role == "admin"

    @property
    def owner(self) -> UUID | None:
        """The user whose jobs and deliveries are shown. None: those of all users."""
        return None if self.is_admin else self.user.id

    @property
    def is_read_only(self) -> bool:
        """Whether forms are left out, because each of them would be refused."""
        return self.state["options"].console_read_only

    @cached_property
    def cookies(self) -> Cookies:
        """The cookies of the console."""
        return Cookies(self.request.cookies, is_secure=self.state["options"].is_production)

    @cached_property
    def language(self) -> Language:
        """The language of the page."""
        return chosen(self.cookies.language, self.request.headers.get("Accept-Language", ""))

    @property
    def theme(self) -> str:
        """`light` or `dark` by the switch, or `auto`."""
        return self.cookies.theme if self.cookies.theme in THEMES else THEMES[0]

    @property
    def path(self) -> str:
        """The path of the page without the prefix of a proxy, with its query."""
        query = self.request.url.query
        return f"{self.request.url.path}?{query}" if query else self.request.url.path

    def is_below(self, path: str) -> bool:
        """Whether the page is `path`, or belongs to it."""
        here = self.request.url.path
        return here == path or (path != CONSOLE and here.startswith(f"{path}/"))

    def href(self, path: str, **query: str | None) -> str:
        """The URL path of something of this service: a proxy may serve it below a prefix of `PUBLIC_URL`."""
        given = {name: value for name, value in query.items() if value}
        prefix = urlsplit(self.state["options"].public_url).path
        return f"{prefix}{path}?{urlencode(given)}" if given else f"{prefix}{path}"

    def say(self, key: str, **parts: object) -> str:
        """A text in the visitor's language."""
        return message(self.language, key, **parts)

    def query(self, name: str) -> str:
        """A parameter of the query, without white space at its ends and without NUL. Empty if there is none."""
        return self.request.query_params.get(name, "").replace("\x00", "").strip()

    def identifier(self, name: str) -> UUID | None:
        """An id in the path. None: it is no UUID."""
        try:
            return UUID(self._path_parameters[name])
        except ValueError:
            return None

    @property
    def _path_parameters(self) -> Mapping[str, str]:
        return self.request.path_params
