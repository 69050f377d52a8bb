"""Opens pages of the console in a browser, presses keys, and asks axe about them."""

from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.browser.chromium import Tab
from tests.support.processes import REPOSITORY

AXE = REPOSITORY / ".axe" / "axe_playwright_python" / "axe.min.js"
#: The rules of WCAG 2.2, A and AA, and what axe itself recommends.
_RUN = (
    "axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify(found.violations.map((each) =>"
    " [each.id, each.help, each.nodes.map((node) => node.html + ' ' + node.failureSummary)])))"
)


def axe_source() -> str:
    """The script of axe. Skips the test if it was not fetched, but never in CI."""
    if not AXE.exists():
        pytest.skip("axe is not here: `make .axe/.ready` fetches it")
    return AXE.read_text()


async def go(tab: Tab, url: str) -> None:
    """Open a page of the tab and wait until it has loaded. Redirects are followed."""
    await tab.evaluate("window.isBefore = true")
    await tab.call("Page.navigate", url=url)
    await tab.until("!window.isBefore && document.readyState === 'complete'")


async def press(tab: Tab, key: str, code: int, *, text: str = "") -> None:
    """Press and release a key."""
    for kind in ("keyDown", "keyUp"):
        extra = {"text": text} if text and kind == "keyDown" else {}
        await tab.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **extra)


async def prefer(tab: Tab, *, theme: str, width: int) -> None:
    """Be a browser with this theme and this width."""
    await tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    await tab.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
    )


async def violations(tab: Tab, source: str) -> list[Any]:
    """What axe finds on the page."""
    if not await tab.evaluate("typeof axe === 'object'"):
        await tab.evaluate(f"{source};0")
    answer = await tab.call("Runtime.evaluate", expression=_RUN, awaitPromise=True, returnByValue=True)
    assert "exceptionDetails" not in answer, answer
    found: list[Any] = msgspec.json.decode(answer["result"]["value"])
    return found


def expect_own(tab: Tab, base_url: str) -> None:
    """No request to another host, no violation of a policy, no error of a script."""
    asked = [urlsplit(each["request"]["url"]) for each in tab.told("Network.requestWillBeSent")]
    assert {f"{url.scheme}://{url.netloc}" for url in asked if url.scheme not in {"data", "about"}} == {base_url}
    issues = [each["issue"] for each in tab.told("Audits.issueAdded")]
    assert [each for each in issues if each["code"] == "ContentSecurityPolicyIssue"] == []
    assert tab.told("Runtime.exceptionThrown") == []


async def connect(tab: Tab, *, is_there: bool) -> None:
    """Cut the browser off from every network, or connect it again."""
    speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    await tab.call("Network.emulateNetworkConditions", offline=not is_there, **speed)
