"""`make pictures`: takes the pictures of the README, of a new stack with the cases of the simulated portal.

Needs Chromium. Numbers and times in the pictures differ from run to run.
"""

import asyncio
import base64
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from service.local.simulator.cases.samples import FEDERAL, LABOUR, STATE
from tests.browser.chromium import Tab, running_chromium

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
PAGES = {"overview": "/console", "case": f"/console/cases/{FEDERAL}"}
WIDTH, HEIGHT = 1280, 900
PATIENCE = 120  # seconds


@contextmanager
def running_up(data: Path) -> Iterator[str]:
    """Run `autos up`, and return what it prints once it is ready."""
    log = data / "up.log"
    with log.open("w") as output:
        command = [str(Path(sys.executable).parent / "autos"), "up", "--data", str(data)]
        process = subprocess.Popen(command, stdout=output)
    try:
        until = time.monotonic() + PATIENCE
        while "Stop " not in log.read_text():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"autos up does not run: {log.read_text()}")
            time.sleep(0.1)
        yield log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


async def fill(session: aiohttp.ClientSession, address: str, key: str) -> None:
    """Ask for all sample cases, watch one, and wait until their files are complete."""
    headers = {"Authorization": f"Bearer {key}"}
    for number in (LABOUR, STATE, FEDERAL):
        url = f"{address}/api/v1/processes/{number}"
        async with session.get(url, headers=headers) as response:
            response.raise_for_status()
        status = "pending"
        while status in {"pending", "processing"}:
            async with session.get(f"{url}/status?documents=false", headers=headers) as response:
                status = (await response.json())["status"]
            await asyncio.sleep(0.2)
    async with session.put(f"{url}/monitor", headers=headers, json={"every": "6h"}) as response:
        response.raise_for_status()


async def take(tab: Tab, url: str) -> bytes:
    """Open a page and return its picture."""
    await tab.call("Page.navigate", url=url)
    await tab.until(f"location.href === {url!r} && document.readyState === 'complete'")
    picture = await tab.call("Page.captureScreenshot", format="png")
    return base64.b64decode(picture["data"])


async def take_all(printed: str, executable: str, profile: Path) -> dict[str, bytes]:
    """Take every picture of the stack that printed these lines. Return them by name."""
    lines = dict(re.findall(r"^(\w[\w ]*?) {2,}(.*)$", printed, re.MULTILINE))
    address, key = lines["Address"].partition(",")[0], lines["API key"].partition(",")[0]
    async with aiohttp.ClientSession() as session:
        await fill(session, address, key)
        async with running_chromium(executable, profile, session) as tab:
            await tab.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "en"})
            await tab.call(
                "Emulation.setDeviceMetricsOverride", width=WIDTH, height=HEIGHT, deviceScaleFactor=1, mobile=False
            )
            await tab.open(lines["Console"])
            await tab.until("document.querySelector('main') !== null")
            return {name: await take(tab, address + path) for name, path in PAGES.items()}


def main() -> None:
    """Take the pictures. Exits with a line if there is no Chromium."""
    executable = shutil.which("chromium")
    if executable is None:
        raise SystemExit("there is no chromium here; to install one takes root")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, running_up(Path(directory)) as printed:
        pictures = asyncio.run(take_all(printed, executable, Path(directory) / "profile"))
    for name, picture in pictures.items():
        (FOLDER / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
