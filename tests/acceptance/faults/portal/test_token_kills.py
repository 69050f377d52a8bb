"""SIGKILL at every moment of a renewal: a token that the realm still accepts is found."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.servers.keycloak import Keycloak, Rotation, serving

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]

PROGRAM = "tests.support.servers.renewing_process"
REPOSITORY = Path(__file__).parents[4]
KILLS = 20
STEP = 0.005  # seconds between the moments; an answer takes ten of them
EXPIRE = "UPDATE portal_tokens SET expires_at = now(), renewing_until = now() - interval '1 second'"


class Renewing:
    """The process, and what it prints."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments

    async def __aenter__(self) -> "Renewing":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", PROGRAM, *self._arguments, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
        )
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._process.kill()
        await self._process.wait()

    async def token(self) -> str:
        """The next token of its output, or the error. Log lines are skipped."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.startswith(b"token: "):
                return line.decode().removeprefix("token: ").strip()
        raise AssertionError("the process has ended")


@pytest.mark.parametrize("rotation", ["lenient", "strict"])
async def test_a_process_that_is_killed_while_it_renews_costs_no_token_that_could_be_kept(
    servers: Stack, rotation: Rotation, note: Callable[[str], None]
) -> None:
    database_url = await create_database(servers)
    keycloak, lost = Keycloak(rotation=rotation), 0
    connection = await asyncpg.connect(database_url)
    async with serving(keycloak) as token_url:
        for kill in range(KILLS):
            keycloak.has_rotated.clear()
            keycloak.may_answer.clear()
            async with Renewing(database_url, token_url, "r0"):
                await asyncio.wait_for(keycloak.has_rotated.wait(), 30)
                asyncio.get_running_loop().call_later(10 * STEP, keycloak.may_answer.set)
                await asyncio.sleep(kill * STEP)
            # A token that was rotated and not written is lost: a person has to log in again.
            kept = await connection.fetchval("SELECT refresh_token FROM portal_tokens")
            if rotation == "strict" and kept != keycloak.given[-1]:
                lost += 1
                keycloak.given.append(kept)
            await connection.execute(EXPIRE)
        keycloak.may_answer.set()
        async with Renewing(database_url, token_url, "r0") as survivor:
            assert (await asyncio.wait_for(survivor.token(), 60)).startswith("a")
    await connection.close()
    note(f"{KILLS} kills in the middle of a renewal ({rotation}): {lost} between the rotation and the write")
    assert lost < KILLS
