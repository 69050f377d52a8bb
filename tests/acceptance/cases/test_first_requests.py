"""Many first requests for one case at the same moment, through two API processes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.processes import free_port, start_api

SLOW = Fault(kind=FaultKind.SLOW, seconds=0.5, times=FOR_EVER)


@pytest.fixture(scope="module")
async def apis(api: Api, environment: dict[str, str], log_directory: Path) -> AsyncIterator[list[Api]]:
    """Two API processes of one service."""
    port = str(free_port())
    process = await start_api({**environment, "PORT": port}, log_directory / "second-api.log")
    yield [api, Api(api.session, f"http://127.0.0.1:{port}", api.api_key)]
    await process.stop()


@pytest.mark.parametrize("parameters", [{}, {"force_refresh": "true"}, {"auto_download": "false"}])
async def test_fifty_at_once_through_two_processes_have_the_portal_list_twice_at_most(
    apis: list[Api], portal: Portal, number: str, parameters: dict[str, Any]
) -> None:
    await portal.put_documents(number, DocumentSpec(count=3))
    await portal.fail_listing(number, SLOW)

    answers = await asyncio.gather(*(apis[index % 2].process(number, **parameters) for index in range(50)))

    assert {(each.status, each.json["total_documents"]) for each in answers} == {(200, 3)}
    assert 1 <= await portal.listings(number) <= 2


async def test_fifty_requests_to_register_have_the_portal_list_twice_at_most(
    apis: list[Api], portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=3))
    await portal.fail_listing(number, SLOW)
    path = f"/api/v1/processes/{number}/download-documents"

    answers = await asyncio.gather(*(apis[index % 2].post(path) for index in range(50)))

    assert {(each.status, each.json["total_documents"]) for each in answers} == {(200, 3)}
    assert 1 <= await portal.listings(number) <= 2
