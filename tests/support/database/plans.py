"""What PostgreSQL reads for a statement, as EXPLAIN counts it: independent of the load of the machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from service.database.connection import Connection

_EXPLAIN = "EXPLAIN (ANALYZE, TIMING OFF, BUFFERS, FORMAT JSON) "


@dataclass(frozen=True)
class Plan:
    """The execution of one statement."""

    tables_read_whole: set[str]
    rows: int  #: that were looked at, the ones that did not fit included
    buffers: int  #: pages of 8 KiB that were read


@dataclass
class Explained:
    """A connection that executes each statement, keeps its plan, and returns no rows."""

    connection: Connection
    plans: list[Plan] = field(default_factory=list)

    async def fetch_all(self, query: str, values: Mapping[str, Any] | None = None) -> list[Any]:
        answer = await self.connection.fetch_val(_EXPLAIN + query, dict(values or {}))
        top = msgspec.json.decode(answer)[0]["Plan"]
        nodes = list(_nodes(top))
        scans = [node for node in nodes if "Scan" in node["Node Type"]]
        whole = {node["Relation Name"] for node in scans if node["Node Type"] == "Seq Scan"}
        buffers = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
        self.plans.append(Plan(whole, round(sum(map(_looked_at, scans))), buffers))
        return []

    async def fetch_one(self, query: str, values: Mapping[str, Any] | None = None) -> None:
        await self.fetch_all(query, values)

    async def fetch_val(self, query: str, values: Mapping[str, Any] | None = None) -> None:
        await self.fetch_all(query, values)

    async def execute(self, query: str, values: Mapping[str, Any] | None = None) -> None:
        await self.fetch_all(query, values)


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)


def _looked_at(node: Mapping[str, Any]) -> float:
    refused = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    rows: float = (node["Actual Rows"] + refused) * node["Actual Loops"]
    return rows
