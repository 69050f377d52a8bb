"""`python -m tests.benchmarks.tools.load`: requests one URL over several connections at once, in its own process."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import uvloop

from tests.support.processes import REPOSITORY


class LoadTask(msgspec.Struct, frozen=True):
    """The requests to make. `pause` is the time between the starts of two requests of one connection, 0 for none."""

    url: str
    api_key: str
    connections: int
    seconds: float | None  #: None: until the input ends
    pause: float = 0.0


class LoadResult(msgspec.Struct, frozen=True):
    """The milliseconds of each response with 200, and the number of other responses."""

    seconds: float
    milliseconds: list[float]
    errors: int

    @property
    def rate(self) -> float:
        """Responses per second."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, share: float) -> float:
        """The milliseconds that this share of the responses stays below."""
        ordered = sorted(self.milliseconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@asynccontextmanager
async def asking(task: LoadTask) -> AsyncIterator[Callable[[], Awaitable[LoadResult]]]:
    """Make requests during the block. The yielded function must be called once; it ends a load without a duration."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.tools.load"),
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(task) + b"\n")

    async def end() -> LoadResult:
        output, _ = await process.communicate(b"")  # and close its input
        assert process.returncode == 0
        return msgspec.json.decode(output, type=LoadResult)

    try:
        yield end
    finally:
        if process.returncode is None:
            process.kill()


async def ask(task: LoadTask) -> LoadResult:
    """Make requests for the duration of the task."""
    async with asking(task) as end:
        return await end()


async def _run(task: LoadTask) -> LoadResult:
    done, milliseconds, errors = asyncio.Event(), list[float](), list[int]()
    loop = asyncio.get_running_loop()
    if task.seconds is None:
        await loop.connect_read_pipe(lambda: _UntilEnd(done), sys.stdin)
    else:
        loop.call_later(task.seconds, done.set)

    async def connect(session: aiohttp.ClientSession) -> None:
        while not done.is_set():
            begin = time.perf_counter()
            async with session.get(task.url) as response:
                await response.read()
            if response.status == 200:
                milliseconds.append((time.perf_counter() - begin) * 1000)
            else:
                errors.append(response.status)
            await asyncio.sleep(max(0.0, begin + task.pause - time.perf_counter()))

    begin = time.perf_counter()
    headers = {"Authorization": f"Bearer {task.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as group:
        for _ in range(task.connections):
            group.create_task(connect(session))
    return LoadResult(time.perf_counter() - begin, milliseconds, len(errors))


class _UntilEnd(asyncio.Protocol):
    def __init__(self, done: asyncio.Event) -> None:
        self._done = done

    def eof_received(self) -> None:
        self._done.set()


def main() -> None:
    """Read a `LoadTask` from the first line, and write a `LoadResult`."""
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=LoadTask)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run(task))))


if __name__ == "__main__":
    main()
