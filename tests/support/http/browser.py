"""A browser without scripts: it keeps cookies, sends forms as a browser does, and follows what a form leads to."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urljoin

import aiohttp

from tests.support.http.api import Api


@dataclass(frozen=True)
class Seen:
    """One response."""

    status: int
    headers: Any
    text: str

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        return str(self.headers.get("Location", ""))

    @property
    def words(self) -> str:
        """What a person reads, without markup."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.text)).split())


@dataclass
class Browser:
    """One profile, on one service."""

    session: aiohttp.ClientSession
    base_url: str
    language: str = "en"
    cookies: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, api: Api, language: str = "en") -> "Browser":
        """A fresh profile."""
        return cls(api.session, api.base_url, language)

    async def get(self, path: str, **headers: str) -> Seen:
        """Open a page; redirects are not followed."""
        return await self._ask("GET", path, {"Sec-Fetch-Site": "none", **headers})

    async def post(self, path: str, fields: Any = None, **headers: str) -> Seen:
        """Send a form of this service; the redirect is not followed. `fields`: a mapping or pairs."""
        own = {"Sec-Fetch-Site": "same-origin", "Origin": self.base_url}
        return await self._ask("POST", path, {**own, **headers}, data=fields or {})

    async def log_in(self, api_key: str | None) -> "Browser":
        """Begin a session with a key. Returns itself."""
        seen = await self.post("/console/login", {"key": api_key or ""})
        assert seen.status == 303, seen.words
        return self

    async def _ask(self, method: str, path: str, headers: dict[str, str], **options: Any) -> Seen:
        sent = {"Accept": "text/html", "Accept-Language": self.language, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        url = urljoin(self.base_url, path)
        kept = aiohttp.DummyCookieJar()
        async with (
            aiohttp.ClientSession(cookie_jar=kept) as session,
            session.request(method, url, headers=sent, allow_redirects=False, **options) as response,
        ):
            for name, cookie in response.cookies.items():
                self._keep(name, cookie.value)
            return Seen(response.status, response.headers, await response.text())

    def _keep(self, name: str, value: str) -> None:
        if value:
            self.cookies[name] = value
        else:
            self.cookies.pop(name, None)
