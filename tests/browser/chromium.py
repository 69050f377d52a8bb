"""A headless Chromium that is driven over the DevTools protocol."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

# It makes no network requests of its own, and needs neither a display nor a user other than root.
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--window-size=1280,1600",
)
DOMAINS = ("Page", "Runtime", "Network", "Log", "Audits")


class Tab:
    """One page. `events` are the browser's events of it, each a method with its parameters."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._socket = socket
        self._numbers = itertools.count(1)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the browser, and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json()
            if "method" in message:
                self.events.append((message["method"], message["params"]))
            elif message["id"] == number:
                assert "error" not in message, message
                return dict(message["result"])

    async def open(self, url: str) -> None:
        """Go to a page. Its events are collected from its first request on."""
        for domain in DOMAINS:
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=url)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true. The page is polled, because it sends no event."""
        async with asyncio.timeout(90):
            while not await self.evaluate(expression):  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.1)

    def told(self, method: str) -> list[dict[str, Any]]:
        """The parameters of all events of a kind so far."""
        return [parameters for each, parameters in self.events if each == method]


@asynccontextmanager
async def running_chromium(executable: str, profile: Path, session: aiohttp.ClientSession) -> AsyncIterator[Tab]:
    """An empty tab of a new browser with an empty profile."""
    process = await asyncio.create_subprocess_exec(
        executable,
        *OPTIONS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        address = await _address(process)
        async with session.get(f"http://{address}/json/list") as response:
            (page,) = [each for each in await response.json() if each["type"] == "page"]
        async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            yield Tab(socket)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    """The address of the browser, from its line of output."""
    assert process.stderr is not None
    said: list[str] = []
    async with asyncio.timeout(90):
        async for line in process.stderr:
            said.append(line.decode(errors="replace"))
            if "DevTools listening on ws://" in said[-1]:
                return said[-1].partition("ws://")[2].partition("/")[0]
    raise AssertionError(f"the browser has ended: {said}")
