"""Whatever stands in a query or a path of the console: a page, never a crash, and never markup."""

import re
from pathlib import Path
from urllib.parse import quote

import service.console
from service.console.framework.declarations import ConsoleRoute
from service.console.routes import CONSOLE_ROUTES
from tests.support.http.browser import Browser

VALUES = (
    '"><script>alert(1)</script>',
    "\x00",
    "%",
    "ü" * 300,
    "-1",
    "9" * 40,
    "null",
    "WyJ4Il0=",
    "2026-13-45",
    "9999-12-31T23:59",
    "0001-01-01T00:00",
    "../../etc/passwd",
    "' OR 1=1 --",
)
PAGES = Path(service.console.__file__).parent
NAMES = sorted({name for path in PAGES.rglob("*.py") for name in re.findall(r'\.query\("([a-z_]+)"', path.read_text())})
STREAMS = ("/events", "/archive")


def paths() -> list[str]:
    found = [each for each in CONSOLE_ROUTES if isinstance(each, ConsoleRoute) and "GET" in each.declared]
    return [each.path for each in found if not each.path.endswith(STREAMS)]


def expect_page(target: str, status: int, text: str) -> None:
    assert (target, status < 500) == (target, True)
    assert "<script>alert" not in text, target


async def test_no_query_is_a_crash_or_markup(browser: Browser) -> None:
    assert {"cursor", "done", "next"} <= set(NAMES)
    for path in paths():
        if "{" in path or path == "/console/login":
            continue
        for value in VALUES:
            target = f"{path}?" + "&".join(f"{name}={quote(value)}" for name in NAMES)
            seen = await browser.get(target)
            expect_page(target, seen.status, seen.text)


async def test_no_parameter_of_a_path_is_a_crash_or_markup(browser: Browser) -> None:
    for path in paths():
        if "{" not in path:
            continue
        for value in VALUES:
            target = re.sub(r"\{[a-z_]+\}", quote(value, safe=""), path)
            seen = await browser.get(target)
            expect_page(target, seen.status, seen.text)
