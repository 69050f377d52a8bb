"""Calls the API as a client does."""

import asyncio
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from tests.support.deliveries.contract import expect_documented

ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True)
class Answer:
    """One response of the API."""

    status: int
    headers: Mapping[str, str]
    json: Any


class Api:
    """A client with one API key."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, api_key: str | None) -> None:
        self.session = session
        self.base_url = base_url
        self.api_key = api_key

    async def get(self, path: str, *, headers: dict[str, str] | None = None, **parameters: Any) -> Answer:
        """GET below the root of the service; does not follow redirects."""
        sent = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        async with self.session.get(
            self.base_url + path, params=parameters, headers=sent | (headers or {}), allow_redirects=False
        ) as response:
            return await _checked("GET", path, response)

    async def post(self, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
        """POST below the root of the service. `body`: bytes as they are, None for no body, anything else as JSON."""
        return await self._send("POST", path, body, headers)

    async def put(self, path: str, body: Any = None) -> Answer:
        """PUT below the root of the service. `body`: as in `post`."""
        return await self._send("PUT", path, body)

    async def patch(self, path: str, body: Any = None) -> Answer:
        """PATCH below the root of the service. `body`: as in `post`."""
        return await self._send("PATCH", path, body)

    async def _send(self, method: str, path: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
        sent = {} if body is None else {"Content-Type": "application/json"}
        sent |= {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        data = None if body is None else io.BytesIO(content)
        url, given = self.base_url + path, sent | (headers or {})
        async with self.session.request(method, url, data=data, headers=given) as response:
            return await _checked(method, path, response)

    async def delete(self, path: str) -> Answer:
        """DELETE below the root of the service."""
        sent = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        async with self.session.delete(self.base_url + path, headers=sent) as response:
            return await _checked("DELETE", path, response)

    def with_key(self, api_key: str | None) -> "Api":
        """A client of the same process with another key, or without one."""
        return Api(self.session, self.base_url, api_key)

    async def process(self, number: str, **parameters: Any) -> Answer:
        """The main entry."""
        return await self.get(f"/api/v1/processes/{number}", **parameters)

    async def status(self, number: str) -> Any:
        """The status of a case."""
        answer = await self.get(f"/api/v1/processes/{number}/status")
        assert answer.status == 200, answer
        return answer.json

    async def ended(self, number: str, *, timeout: float = 60) -> Any:
        """Wait until the work on a case has ended, and return its status."""
        return await self.until(number, lambda status: status["status"] in ENDED, timeout=timeout)

    async def until(self, number: str, condition: Callable[[Any], bool], *, timeout: float = 60) -> Any:
        """Wait for a status. Polls, as a client without a webhook does."""
        async with asyncio.timeout(timeout):
            while not condition(status := await self.status(number)):  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.05)
        return status

    async def download(self, url: str) -> tuple[bytes, dict[str, str]]:
        """Follow a link as a browser does, without the key."""
        async with self.session.get(url) as response:
            assert response.status == 200, await response.text()
            return await response.read(), dict(response.headers)


async def _checked(method: str, path: str, response: aiohttp.ClientResponse) -> Answer:
    """Every response must be in the document of the API."""
    content = await response.read()
    body = msgspec.json.decode(content) if "json" in response.content_type else content
    expect_documented(method, path.partition("?")[0], response.status, response.headers, body)
    return Answer(response.status, response.headers, body)
