"""A Valkey server for one test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

from redis.asyncio import Redis

from service.local.servers.valkey import Valkey
from tests.support.processes import free_port


class OwnValkey:
    """A server, and what a test may do to it."""

    def __init__(self, port: int, admin: Any) -> None:
        #: Of a user whose password needs escapes.
        self.url = f"redis://worker:p%40ss%2Fw%25rd@127.0.0.1:{port}/3"
        self._admin = admin

    async def run(self, *command: str) -> None:
        """Run a command as the administrator, and close all other connections."""
        await self._admin.execute_command(*command)
        await self._admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


@asynccontextmanager
async def running_valkey(directory: Path) -> AsyncIterator[OwnValkey]:
    """A server that keeps its data in the directory."""
    port = free_port()
    server = Valkey(directory, "administrator")
    launch = server.launch(port)
    process = await asyncio.create_subprocess_exec(*launch.argv, stdin=PIPE, stdout=DEVNULL)
    assert process.stdin is not None
    process.stdin.write(launch.standard_input)
    process.stdin.close()
    while not server.is_ready(port):
        assert process.returncode is None
        await asyncio.sleep(0.02)
    admin = Redis.from_url(server.url(port))
    running = OwnValkey(port, admin)
    await running.run("ACL", "SETUSER", "worker", "on", ">p@ss/w%rd", "~*", "&*", "+@all")
    try:
        yield running
    finally:
        await admin.aclose()
        process.terminate()
        await process.wait()
