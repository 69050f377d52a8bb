"""Many cases requested together, and what must be true when their jobs have ended."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.local.simulator import DocumentSpec
from service.local.simulator.cases.build import CaseSpec
from tests.support.http.api import Answer
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber
from tests.support.service import Service


@dataclass(frozen=True)
class Place:
    """The portal, the subscriber, and the directory of the S3 server's objects."""

    service: Service
    portal: Portal
    subscriber: Subscriber
    objects: Path

    async def put_cases(self, numbers: Sequence[str], *documents: DocumentSpec) -> None:
        """Add equal cases to the portal."""
        spec = CaseSpec(documents=documents)
        await asyncio.gather(*(self.portal.put_case(number, spec) for number in numbers))

    async def request(self, numbers: Sequence[str]) -> list[Answer]:
        """Request cases, each with a webhook of its own, and return the responses."""
        answers = await asyncio.gather(
            *(self.service.api.process(number, webhook_url=self.subscriber.url(f"/{number}")) for number in numbers)
        )
        assert {answer.status for answer in answers} <= {200, 202}, answers
        return list(answers)

    async def ended(self, numbers: Sequence[str], *, timeout: float = 60) -> None:
        """Wait until each case has its event and its delivery is closed."""
        await asyncio.gather(*(self.subscriber.wait_for(f"/{number}", timeout=timeout) for number in numbers))
        await self.service.until(
            "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE process_number = ANY($1)"
            " AND status <> 'delivered')",
            plain(numbers),
            timeout=timeout,
        )

    async def expect_all_done_once(self, numbers: Sequence[str]) -> Counter[str]:
        """One completed job and one event per case, one id per subscriber, every object what the portal holds.

        Returns the counts.
        """
        jobs = await self.service.fetch(
            "SELECT process_number, status, (SELECT count(*) FROM events WHERE job_id = jobs.id) AS events"
            " FROM jobs WHERE process_number = ANY($1)",
            plain(numbers),
        )
        assert sorted(job["process_number"] for job in jobs) == sorted(plain(numbers))
        assert {(job["status"], job["events"]) for job in jobs} == {("completed", 1)}
        figures: Counter[str] = Counter(jobs=len(jobs))
        for number in numbers:
            received = self.subscriber.received(f"/{number}")
            assert {each.json["type"] for each in received} == {"process.completed"}
            assert len({each.headers["webhook-id"] for each in received}) == 1
            figures["events"] += 1
            figures["events posted twice"] += len(received) - 1
            figures["documents"] += await self._expect_objects(number)
        return figures

    async def _expect_objects(self, number: str) -> int:
        expected = {each["idOrigem"]: each["sha256"] for each in await self.portal.documents(number)}
        stored = await self.service.fetch(
            "SELECT origin_id, status, storage_key, sha256 FROM documents WHERE process_number = $1", digits(number)
        )
        assert {each["status"] for each in stored} == {"available"}
        assert {each["origin_id"]: each["sha256"] for each in stored} == expected
        bucket = self.objects / self.service.environment["S3_BUCKET"]
        found = await asyncio.to_thread(_hashes, {each["origin_id"]: bucket / each["storage_key"] for each in stored})
        assert found == expected
        return len(found)

    async def downloads(self, numbers: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """How often each document was sent completely, by case and `idOrigem`."""
        journal = await self.portal.journal()
        wanted = set(numbers)
        return {
            (each["number"], each["origin_id"]): each["complete"]
            for each in journal["documents"]
            if each["number"] in wanted
        }


def _hashes(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def digits(number: str) -> str:
    """A number as the database has it."""
    return number.replace("-", "").replace(".", "")


def plain(numbers: Sequence[str]) -> list[str]:
    """Numbers as the database has them."""
    return [digits(number) for number in numbers]
