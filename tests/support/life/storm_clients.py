"""Clients in a storm: they make any request at any time, and remember the responses."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from service.local.simulator import DocumentSpec, Fault, FaultKind
from service.local.simulator.cases.build import CaseSpec
from tests.support.http.api import Answer, Api
from tests.support.life.storm import Wind
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

PATIENCE = 40.0  # seconds that a client waits for an answer; a frozen process gives none
PAUSE = 0.5  # seconds at most between two requests of one client
HANGS = 12.0  # seconds
URLS = 4  # of each user


class MoodySubscriber(Subscriber):
    """Responds with 500 or hangs at times, until `is_calm`."""

    def __init__(self, moods: random.Random) -> None:
        super().__init__()
        self.is_calm = False
        self._moods = moods

    async def handle(self, request: web.Request) -> web.Response:
        """aiohttp's handler for every path."""
        answer = await super().handle(request)
        mood = 1.0 if self.is_calm else self._moods.random()
        if mood < 0.01:
            await asyncio.sleep(HANGS)
        return web.Response(status=500) if mood < 0.15 else answer


@dataclass
class Told:
    """What clients were told by responses."""

    #: Those who were told of a job and gave a URL: job (none: all was there), path of the URL.
    subscribed: set[tuple[str | None, str]] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    cancelled: set[tuple[str, str]] = field(default_factory=set)  #: by whom (the first part of their paths), which job
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  #: answers that nobody may get


class Client:
    """The program of one user."""

    def __init__(
        self, wind: Wind, subscriber: Subscriber, told: Told, *, name: str, key: str, cases: list[str]
    ) -> None:
        self._wind = wind
        self._subscriber = subscriber
        self._told = told
        self._name = name
        self._key = key
        self._cases = cases
        self._random = wind.random
        self._jobs: list[str] = []

    async def work(self, until: float) -> None:
        """Make one request after the other."""
        while time.monotonic() < until:
            await self._ask()
            await asyncio.sleep(self._random.uniform(0, PAUSE))

    async def _ask(self) -> None:
        asks = [self._main] * 4 + [self._search, self._one, self._all, self._all, self._register]
        asks += [self._resend, self._look, *([self._cancel] * 2 if self._jobs else [])]
        ask = self._random.choice(asks)
        api = self._random.choice(self._wind.apis()).with_key(self._key)
        begin = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                await ask(api)
        except (aiohttp.ClientError, TimeoutError):
            self._told.answers["none"] += 1
            if not self._wind.is_trouble(begin, time.monotonic()):
                self._told.wrong.append(f"{ask.__name__} got no answer in good weather")
        except AssertionError as error:
            self._told.wrong.append(str(error))

    def _note(self, answer: Answer, begin: float, path: str | None = None) -> Answer:
        self._told.answers[str(answer.status)] += 1
        if answer.status >= 500 and not self._is_excused(answer, begin):
            self._told.wrong.append(f"{answer.status}: {answer.json}")
        if answer.status not in {200, 202} or not isinstance(answer.json, dict):
            return answer
        job_id = answer.json.get("job_id")
        if job_id is not None:
            self._jobs.append(job_id)
            self._told.jobs.add(job_id)
        if path is not None and "job_id" in answer.json:
            self._told.subscribed.add((job_id, path))
        return answer

    def _is_excused(self, answer: Answer, begin: float) -> bool:
        """True if the failure is expected: listings fail without a storm too."""
        is_of_the_portal = answer.json.get("code") == "portal_unavailable"
        return answer.status == 503 and (is_of_the_portal or self._wind.is_trouble(begin, time.monotonic()))

    def _path(self) -> str | None:
        if self._random.random() < 0.4:
            return None
        return f"/{self._name}/{self._random.randrange(URLS)}"

    def _webhook(self, path: str | None) -> dict[str, str]:
        return {} if path is None else {"webhook_url": self._subscriber.url(path)}

    async def _main(self, api: Api) -> None:
        path, begin = self._path(), time.monotonic()
        wishes = {"force_refresh": "true"} if self._random.random() < 0.2 else {}
        answer = self._note(await api.process(self._random.choice(self._cases), **self._webhook(path), **wishes), begin)
        if answer.status in {200, 202} and path is not None:
            # If everything was available and no job was needed, the response has an ended job.
            is_active = answer.json["status"] in {"pending", "processing"}
            self._told.subscribed.add((answer.json["job_id"] if is_active else None, path))

    async def _search(self, api: Api) -> None:
        begin = time.monotonic()
        body = {"process_numbers": self._random.sample(self._cases, 3), **self._webhook(self._path())}
        self._note(await api.post("/api/v1/processes/search", body), begin)

    async def _one(self, api: Api) -> None:
        number, path, begin = self._random.choice(self._cases), self._path(), time.monotonic()
        status = self._note(await api.get(f"/api/v1/processes/{number}/status"), begin)
        if status.status != 200 or not status.json["documents"]:
            return
        document_id = self._random.choice(status.json["documents"])["id"]
        url = f"/api/v1/processes/{number}/download-document/{document_id}"
        begin = time.monotonic()
        self._note(await api.post(url, self._webhook(path)), begin, path)

    async def _all(self, api: Api) -> None:
        number, path, begin = self._random.choice(self._cases), self._path(), time.monotonic()
        body: dict[str, Any] = {"force": self._random.random() < 0.6, **self._webhook(path)}
        self._note(await api.post(f"/api/v1/processes/{number}/download-all-documents", body), begin, path)

    async def _register(self, api: Api) -> None:
        begin = time.monotonic()
        self._note(await api.post(f"/api/v1/processes/{self._random.choice(self._cases)}/download-documents"), begin)

    async def _look(self, api: Api) -> None:
        begin = time.monotonic()
        self._note(await api.get(f"/api/v1/processes/{self._random.choice(self._cases)}/status"), begin)

    async def _cancel(self, api: Api) -> None:
        job_id, begin = self._random.choice(self._jobs[-5:]), time.monotonic()
        # Before the request: its response may be lost.
        self._told.cancelled.add((self._name, job_id))
        self._note(await api.post(f"/api/v1/jobs/{job_id}/cancel"), begin)

    async def _resend(self, api: Api) -> None:
        begin = time.monotonic()
        found = self._note(await api.get("/api/v1/webhooks/deliveries", limit=20), begin)
        if found.status != 200 or not found.json["items"]:
            return
        delivery_id, begin = self._random.choice(found.json["items"])["id"], time.monotonic()
        self._note(await api.post(f"/api/v1/webhooks/deliveries/{delivery_id}/resend"), begin)


async def put_cases(portal: Portal, chance: random.Random, numbers: Sequence[str]) -> None:
    """Add cases of a few documents that fit into the buffers of a socket.

    Larger ones would stay in flight while a worker is frozen.
    """
    for number in numbers:
        spec = DocumentSpec(origin_id="small", count=chance.randint(2, 20), size=chance.randint(3_000, 40_000))
        await portal.put_case(number, CaseSpec(documents=(spec,)))


async def spoil(portal: Portal, chance: random.Random, numbers: Sequence[str], until: float) -> None:
    """Let a case fail for a while, or change its content."""
    documents = [
        FaultKind.CODEX_500,
        FaultKind.TOO_MANY_429,
        FaultKind.UNAVAILABLE_503,
        FaultKind.TRUNCATED_WITH_LENGTH,
        FaultKind.RESET,
        FaultKind.EMPTY_BODY,
        FaultKind.JSON_200,
    ]
    listings = [FaultKind.UNAVAILABLE_503, FaultKind.TRUNCATED, FaultKind.TOO_MANY_429]
    while time.monotonic() < until:
        number, what = chance.choice(numbers), chance.random()
        if what < 0.6:
            await portal.fail_document(number, "*", Fault(kind=chance.choice(documents), retry_after=1))
        elif what < 0.8:
            await portal.fail_listing(number, Fault(kind=chance.choice(listings), retry_after=1))
        else:
            await put_cases(portal, chance, [number])
        await asyncio.sleep(chance.uniform(0.2, 2.0))
