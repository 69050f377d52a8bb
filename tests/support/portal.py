"""Scripts the simulated portal, and reads what it saw of one case."""

import asyncio
from typing import Any

import aiohttp

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind, PortalControl
from service.local.simulator.cases.build import CaseSpec
from tests.support.http.api import Api


class Portal(PortalControl):
    """The control client of the simulated portal, with frequent queries of tests."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        super().__init__(session, origin)
        self.client = session
        self.origin = origin

    async def put_documents(self, number: str, *documents: DocumentSpec) -> None:
        """Add or replace a case that has these documents."""
        await self.put_case(number, CaseSpec(documents=documents))

    async def hold(self, number: str, target: str = "*") -> None:
        """Hold one document of a case, or all, back until `let_go`, by 429, which costs no attempt."""
        quiet = Fault(kind=FaultKind.TOO_MANY_429, retry_after=1, times=FOR_EVER)
        await self.fail_document(number, target, quiet)

    async def let_go(self, number: str, target: str = "*") -> None:
        """End `hold`."""
        await self.fail_document(number, target)

    async def documents(self, number: str) -> list[dict[str, Any]]:
        """Size, sha256, names and uuids of every document of a complete download."""
        return list((await self.expected(number))["documents"])

    async def listings(self, number: str) -> int:
        """How often a case was listed."""
        journal = await self.journal()
        return int(journal["listings"].get(number, 0))

    async def downloads(self, number: str) -> int:
        """How many documents of a case were sent completely and without a fault."""
        journal = await self.journal()
        return sum(each["complete"] for each in journal["documents"] if each["number"] == number)


async def put_away(api: Api, job_id: str) -> None:
    """Wait until a worker has put the job off, because the portal did not list the case."""
    async with asyncio.timeout(60):
        while (await api.get(f"/api/v1/jobs/{job_id}")).json["tried_again_at"] is None:  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)
