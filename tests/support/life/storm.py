"""A storm: several processes are killed and frozen, and their servers go away and come back."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import redis.asyncio

from service.local.simulator import Fault, FaultKind
from service.local.stack import Stack
from service.local.supervision.messages import ServerName
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.processes import Process, start_api, start_worker
from tests.support.servers.tcp_proxy import TcpProxy
from tests.support.service import Service

FROZEN = 20.0  # seconds; a lease has 15
GRACE = 12.0  # seconds after a fault in which it may still be felt: a statement that hangs has 15


@dataclass
class Member:
    """One process of the service. It is started again after it was killed."""

    kind: str  #: api or worker
    process: Process
    environment: dict[str, str]
    log: Path
    is_frozen: bool = False

    async def replace(self) -> Process:
        """Kill it with SIGKILL, and start another one at once."""
        self.process.send(signal.SIGKILL)
        await self.process.ended()
        start = start_api if self.kind == "api" else start_worker
        self.process, self.is_frozen = await start(self.environment, self.log), False
        return self.process


@dataclass
class Wind:
    """The processes and servers of a storm."""

    service: Service
    servers: Stack
    portal: Portal
    postgres: TcpProxy
    s3: TcpProxy
    random: random.Random
    members: list[Member] = field(default_factory=list)
    blown: Counter[str] = field(default_factory=Counter)  #: faults by name
    _trouble: dict[int, tuple[float, float]] = field(default_factory=dict)
    _thaws: set[asyncio.Task[None]] = field(default_factory=set)

    def apis(self) -> list[Api]:
        """A client of each API process, without a key."""
        session = self.service.api.session
        ports = [each.environment["PORT"] for each in self.members if each.kind == "api"]
        return [Api(session, f"http://127.0.0.1:{port}", None) for port in ports]

    def is_trouble(self, begin: float, end: float) -> bool:
        """True if a fault can have had an effect between two times of the monotonic clock."""
        return any(begin <= over + GRACE and since <= end for since, over in self._trouble.values())

    async def blow(self, until: float) -> None:
        """Cause one fault after the other. Some last while others begin."""
        while time.monotonic() < until:
            await asyncio.sleep(self.random.uniform(0.5, 4.0))
            await self._blow_once()
        await asyncio.gather(*self._thaws)

    async def _blow_once(self) -> None:
        faults: list[Callable[[], Awaitable[None]]] = [
            self._kill_a_worker,
            self._kill_a_worker,
            self._kill_an_api,
            self._freeze,
            self._freeze,
            self._forget_everything,
            self._restart_postgres,
            self._cut_postgres,
            self._take_the_bucket_away,
            self._silence_the_bucket,
            self._fail_the_portal,
        ]
        fault = self.random.choice(faults)
        name = fault.__name__.strip("_")
        self.blown[name] += 1
        mark = sum(self.blown.values())
        begin = time.monotonic()
        self._trouble[mark] = (begin, float("inf"))
        await fault()
        if fault != self._freeze:
            self._trouble[mark] = (begin, time.monotonic())

    def _one(self, kind: str) -> Member:
        return self.random.choice([each for each in self.members if each.kind == kind])

    async def _kill_a_worker(self) -> None:
        self.service.workers.append(await self._one("worker").replace())

    async def _kill_an_api(self) -> None:
        self.service.apis.append(await self._one("api").replace())

    async def _freeze(self) -> None:
        """Freeze at most one process of each kind, so that clients and jobs have another one."""
        kind = self.random.choice(["api", "worker", "worker"])
        if any(each.is_frozen for each in self.members if each.kind == kind):
            return
        thaw = asyncio.create_task(self._stand_still(self._one(kind)))
        self._thaws.add(thaw)

    async def _stand_still(self, member: Member) -> None:
        mark, begin, process = -len(self._thaws) - 1, time.monotonic(), member.process
        self._trouble[mark] = (begin, float("inf"))
        member.is_frozen = True
        process.send(signal.SIGSTOP)
        await asyncio.sleep(FROZEN)
        process.send(signal.SIGCONT)
        if member.process is process:
            member.is_frozen = False
        self._trouble[mark] = (begin, time.monotonic())

    async def _forget_everything(self) -> None:
        client = redis.asyncio.Redis.from_url(self.servers.endpoints.redis_url)
        async with client:
            await client.flushall()

    async def _restart_postgres(self) -> None:
        await self._restart("postgres")

    async def _restart(self, name: ServerName) -> None:
        await asyncio.to_thread(self.servers.kill_server, name)
        await asyncio.sleep(self.random.uniform(0, 3))
        await asyncio.to_thread(self.servers.start_server, name)

    async def _cut_postgres(self) -> None:
        self.postgres.cut()

    async def _take_the_bucket_away(self) -> None:
        self.s3.take_away()
        await asyncio.sleep(self.random.uniform(1, 6))
        self.s3.bring_back()

    async def _silence_the_bucket(self) -> None:
        self.s3.go_silent()
        await asyncio.sleep(self.random.uniform(1, 6))
        self.s3.bring_back()

    async def _fail_the_portal(self) -> None:
        kinds = [FaultKind.UNAVAILABLE_503, FaultKind.EXPIRED_401, FaultKind.TOO_MANY_429, FaultKind.PORTAL_PAGE]
        fault = Fault(kind=self.random.choice(kinds), times=self.random.randint(1, 20), retry_after=1)
        await self.portal.fail_everything(fault)

    async def calm(self) -> None:
        """Bring back all servers, and let all processes run."""
        self.s3.bring_back()
        self.postgres.bring_back()
        await self.portal.fail_everything()
        assert all(each.process.is_running() for each in self.members), [
            each.process.said[-2000:] for each in self.members
        ]
