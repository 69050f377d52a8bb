"""The flows of the Postman collection, run by newman with the real service."""

import asyncio
from itertools import groupby
from pathlib import Path

import msgspec

from service.api.openapi.postman_flows import FLOWS
from service.local.simulator import DocumentSpec
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.processes import REPOSITORY, Process, until_said
from tests.support.servers.node import needs_node

COLLECTION = REPOSITORY / "docs" / "autos.postman_collection.json"


async def run_flows(directory: Path, variables: dict[str, str]) -> list[str]:
    """The names of the requests, in order. Fails if a test of one of them fails."""
    report = directory / "report.json"
    given = [word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")]
    process = await asyncio.create_subprocess_exec(
        directory / "node_modules" / ".bin" / "newman",
        *("run", str(COLLECTION), "--folder", "Flows", *given),
        *("--reporters", "cli,json", "--reporter-json-export", str(report), "--color", "off"),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return [each["item"]["name"] for each in msgspec.json.decode(report.read_bytes())["run"]["executions"]]


@needs_node
async def test_the_flows_run_from_top_to_bottom(
    client: Api, api_process: Process, portal: Portal, number: str, node_directory: Path
) -> None:
    await portal.put_documents(number, DocumentSpec(count=2))
    await portal.hold(number)
    variables = {
        "base_url": client.base_url,
        "api_key": client.api_key or "",
        "process_number": number,
    }

    async def let_go_when_somebody_waits() -> None:
        await until_said(api_process, f"{number}/status", timeout=100)
        await portal.let_go(number)

    made, _ = await asyncio.gather(run_flows(node_directory, variables), let_go_when_somebody_waits())

    assert [name for name, _ in groupby(made)] == [step.name for flow in FLOWS for step in flow.steps]
    assert made.count("Wait until the work has ended") > 1
    (delivery,) = (await client.get("/api/v1/webhooks/deliveries")).json["items"]
    assert delivery["type"] == "process.completed"
    assert [attempt["outcome"] for attempt in delivery["attempts"]] == ["delivered", "delivered"]
