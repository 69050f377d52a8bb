"""The demo's client of the API: over HTTP, with an API key."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp
import msgspec

T = TypeVar("T")

FINISHED_STATUSES = frozenset({"completed", "failed", "cancelled"})
_EXPECTED = frozenset({200, 201, 202})
_TIMEOUT = aiohttp.ClientTimeout(total=30)


class DemoFailed(Exception):
    """The demo did not get what it shows. The message is one line that names what failed and the log to read."""


class CaseDocument(msgspec.Struct, frozen=True):
    """What the demo reads of a document, in an answer of the API or in a webhook."""

    name: str
    status: str
    size: int | None  #: bytes
    mime_type: str | None
    sha256: str | None
    download_url: str | None


class CaseStatus(msgspec.Struct, frozen=True):
    """What the demo reads of the status endpoint."""

    status: str
    total_documents: int
    completed_documents: int
    failed_documents: int
    progress_percentage: float
    documents: tuple[CaseDocument, ...]


class WebhookBody(msgspec.Struct, frozen=True):
    """What the demo reads of a webhook."""

    type: str
    status: str
    total_documents: int
    completed_documents: int
    failed_documents: int
    documents: tuple[CaseDocument, ...]


class AddedMovement(msgspec.Struct, frozen=True):
    """What the demo reads of a movement in a webhook."""

    description: str


class UpdateBody(msgspec.Struct, frozen=True):
    """What the demo reads of a `process.updated` webhook."""

    type: str
    documents_added: tuple[CaseDocument, ...]
    movements_added: tuple[AddedMovement, ...]


class Monitor(msgspec.Struct, frozen=True):
    """What the demo reads of a monitor."""

    last_checked_at: str | None


class CaseAnswer(msgspec.Struct, frozen=True):
    """What the demo reads of the main entry."""

    status: str
    total_documents: int
    job_id: str | None


class _Secret(msgspec.Struct, frozen=True):
    secret: str


@dataclass(frozen=True)
class Download:
    """The size and the digest of what a link returned."""

    size: int  #: bytes
    sha256: str


class DemoClient:
    """Calls the API with one key. Each call raises `DemoFailed`, which names `api_log`."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, api_key: str, api_log: Path) -> None:
        self._session = session
        self._base = f"{base_url}/api/v1"
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._api_log = api_log

    async def ask_for(self, number: str, webhook_url: str) -> CaseAnswer:
        """The main entry, with a webhook."""
        return await self._get(f"/processes/{number}", CaseAnswer, webhook_url=webhook_url)

    async def status(self, number: str) -> CaseStatus:
        """How far the case is."""
        return await self._get(f"/processes/{number}/status", CaseStatus)

    async def watch(self, number: str, body: Mapping[str, str]) -> Monitor:
        """Watch a case."""
        return await self._call("PUT", f"/processes/{number}/monitor", Monitor, json=body)

    async def monitor(self, number: str) -> Monitor:
        """The caller's monitor of a case."""
        return await self._get(f"/processes/{number}/monitor", Monitor)

    async def check(self, number: str) -> None:
        """Have a watched case checked now."""
        await self._call("POST", f"/processes/{number}/monitor/check", Monitor)

    async def signing_secret(self) -> str:
        """The secret that signs this client's webhooks."""
        return (await self._get("/webhooks/secret", _Secret)).secret

    async def follow(self, download_url: str) -> Download:
        """Download a link as a browser would: without the key."""
        digest, size = hashlib.sha256(), 0
        try:
            async with self._session.get(download_url, timeout=_TIMEOUT) as answer:
                if answer.status != 200:
                    raise DemoFailed(f"the download link answered {answer.status}")
                async for chunk in answer.content.iter_any():
                    digest.update(chunk)
                    size += len(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DemoFailed(f"the download link failed ({type(error).__name__})") from None
        return Download(size, digest.hexdigest())

    async def _get(self, path: str, kind: type[T], **parameters: str) -> T:
        return await self._call("GET", path, kind, parameters=parameters)

    async def _call(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        parameters: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
    ) -> T:
        request = f"{method} /api/v1{path}"
        try:
            async with self._session.request(
                method, self._base + path, params=parameters, json=json, headers=self._headers, timeout=_TIMEOUT
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._failed(request, type(error).__name__) from None
        if answer.status not in _EXPECTED:
            raise self._failed(request, f"it answered {answer.status}")
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise self._failed(request, str(error)) from None

    def _failed(self, request: str, reason: str) -> DemoFailed:
        return DemoFailed(f"{request} failed ({reason}); the log of the API is {self._api_log}")
