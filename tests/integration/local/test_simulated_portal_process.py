"""The simulated portal as a process of its own."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
import pytest

from service.local.simulator import CaseSpec, DocumentSpec, Fault, FaultKind, PortalControl, build_case

TOKEN = "invented-token"
NUMBER = "7654321-71.2021.8.19.0001"
CASE = CaseSpec(documents=(DocumentSpec(size=1_000_000, count=3),))


class Running(NamedTuple):
    process: asyncio.subprocess.Process
    origin: str
    session: aiohttp.ClientSession
    control: PortalControl

    async def download(self, index: int) -> int:
        """The status, after the last byte arrived."""
        document = build_case(NUMBER, CASE).documents[index]
        path = f"/api/v2/processos/{NUMBER}/documentos/{document.uuid_of(0)}/binario"
        async with self.session.get(self.origin + path, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            await answer.read()
            return answer.status


@asynccontextmanager
async def portal_process() -> AsyncIterator[Running]:
    port, piped = free_port(), asyncio.subprocess.PIPE
    command = ["-m", "service.local.simulator", "--port", str(port), "--token", TOKEN]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=piped, stderr=piped)
    assert process.stdout
    origin = f"http://127.0.0.1:{port}"
    assert (await process.stdout.readline()).decode() == f"The simulated portal listens on {origin}/api/v2\n"
    async with aiohttp.ClientSession() as session:
        running = Running(process, origin, session, PortalControl(session, origin))
        await running.control.put_case(NUMBER, CASE)
        yield running
    if process.returncode is None:
        process.kill()
    await process.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_code_0_whatever_is_in_flight(ending: signal.Signals) -> None:
    async with portal_process() as portal:
        await portal.control.fail_document(NUMBER, "*", Fault(kind=FaultKind.HANG))
        asking = asyncio.create_task(portal.download(0))
        while (await portal.control.journal())["in_flight"] != 1:
            continue
        portal.process.send_signal(ending)
        with pytest.raises(aiohttp.ClientError):
            await asking
        _, errors = await portal.process.communicate()
        assert (portal.process.returncode, errors) == (0, b"")


async def test_five_clients_are_never_counted_as_six() -> None:
    indexes = iter([0, 1, 2] * 100)

    async def ask(portal: Running) -> None:
        for index in indexes:
            assert await portal.download(index) == 200

    async with portal_process() as portal:
        await asyncio.gather(*(ask(portal) for _ in range(5)))
        journal = await portal.control.journal()
    assert journal["max_documents_in_flight"] <= 5
    assert sum(one["complete"] for one in journal["documents"]) == 300


async def test_a_port_that_is_taken_is_one_line_and_an_exit_code() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = ["-m", "service.local.simulator", "--port", port, "--token", TOKEN]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await process.communicate()
    assert process.returncode == 3
    assert output == b""
    assert b"address already in use" in errors
    assert errors.count(b"\n") == 1
