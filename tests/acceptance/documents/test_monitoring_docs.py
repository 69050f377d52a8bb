"""`docs/monitoring.md` is true: its commands, its receiver, and its numbers."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from service.actions.monitors import MONITORS_MAX
from service.api.framework.many_cases import NUMBERS_MAX
from service.api.framework.operations import OperationRoute
from service.api.presenters.monitors import MonitorView
from service.api.routes import ROUTES
from service.database.monitors.watches import FAILING_AFTER
from service.local.simulator import DocumentSpec
from service.settings import Settings
from service.webhooks.payload import WebhookBody
from tests.support.deliveries.watchers import Watcher
from tests.support.http.api import Api
from tests.support.pages import ADDRESS, Page
from tests.support.portal import Portal
from tests.support.processes import free_port, until_it_listens
from tests.support.servers.subscriber import Subscriber
from worker.tasks.check_watch import CHECK_BACKOFF

PAGE = Page("docs/monitoring.md")
NUMBER = "0000123-06.2023.4.03.6100"
DEFAULTS: dict[str, Any] = {each.name: each.default for each in msgspec.structs.fields(Settings)}


class Receiver:
    """The receiver of the page, as a process."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    async def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            return (await self._process.stdout.readline()).decode().strip()


@asynccontextmanager
async def running_receiver(directory: Path, secret: str) -> AsyncIterator[Receiver]:
    """The receiver in a directory of its own."""
    (directory / "receiver.py").write_text(PAGE.one("python", having="HTTPServer"))
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "receiver.py"),
        cwd=directory,
        env={"PATH": os.environ["PATH"], "SECRET": secret, "PORT": str(port)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await until_it_listens(port)
        yield Receiver(process, f"http://127.0.0.1:{port}/")
    finally:
        process.terminate()
        await process.communicate()


async def in_a_shell(block: str, client: Api, number: str, webhook_url: str = "") -> Any:
    """The answer to a command of the page, for this service and this case."""
    command = block.replace(ADDRESS, client.base_url).replace(NUMBER, number)
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euc", command.replace("http://127.0.0.1:9000/", webhook_url)),
        env={"PATH": os.environ["PATH"], "KEY": client.api_key or ""},
        stdout=asyncio.subprocess.PIPE,
    )
    written, _ = await process.communicate()
    return msgspec.json.decode(written)


def stored_sizes(directory: Path) -> list[int]:
    return [path.stat().st_size for path in directory.iterdir() if path.name != "receiver.py"]


async def test_the_commands_watch_a_case_and_the_receiver_stores_what_is_filed(
    client: Api, portal: Portal, subscriber: Subscriber, number: str, tmp_path: Path
) -> None:
    await portal.put_documents(number, DocumentSpec(size=2000))
    secret = (await client.get("/api/v1/webhooks/secret")).json["secret"]
    async with running_receiver(tmp_path, secret) as receiver:
        made = await in_a_shell(PAGE.one("bash", having="PUT"), client, number, receiver.url)
        filed = await portal.file_document(number, name="Sentença.pdf")
        moved = await portal.file_movement(number, description="Julgado procedente o pedido")
        await Watcher(client, subscriber, "").check(number)
        lines = [await receiver.line(), await receiver.line()]

    changed = await in_a_shell(PAGE.one("bash", having="changed_since"), client, number)
    shown = msgspec.json.decode(PAGE.one("json", having='"every_seconds"'))
    assert made.keys() == shown.keys()
    same = ("every_seconds", "description", "status", "last_changed_at", "consecutive_failures", "last_error_code")
    assert {name: made[name] for name in same} == {name: shown[name] for name in same}
    assert lines == ["new: Sentença.pdf", f"moved: {moved['description']}"]
    assert stored_sizes(tmp_path) == [filed["size"]]
    # A change is listed once all older ones are written, which may take some seconds.
    assert [item["process_number"] for item in changed["items"]] in ([number], [])


def test_the_events_and_monitors_of_the_page_have_the_members_of_the_api() -> None:
    event = msgspec.json.decode(PAGE.one("json", having='"process.updated"'))
    known = {each.encode_name for each in msgspec.structs.fields(WebhookBody)}

    assert event.keys() <= known
    assert {"documents_added", "movements_added", "movements_truncated", "checked_at"} <= event.keys()
    monitor = msgspec.json.decode(PAGE.one("json", having='"every_seconds"'))
    assert monitor.keys() == {each.encode_name for each in msgspec.structs.fields(MonitorView)}


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"may watch {MONITORS_MAX:,} cases" in PAGE.text
    assert f"up to {NUMBERS_MAX:,} cases" in PAGE.text
    assert f"({DEFAULTS['webhook_max_documents']} documents or movements)" in PAGE.text
    assert (DEFAULTS["monitor_min_interval"], DEFAULTS["monitor_share"]) == ("1h", 0.5)
    assert "an hour\n  unless configured otherwise" in PAGE.text
    assert "at most half of the requests" in PAGE.text
    assert f"after {CHECK_BACKOFF // timedelta(minutes=1)} minutes" in PAGE.text
    assert timedelta(days=3) == FAILING_AFTER
    assert "After three days of failures" in PAGE.text


def test_every_endpoint_exists() -> None:
    known = {
        f"{method} {route.path}" for route in ROUTES if isinstance(route, OperationRoute) for method in route.operations
    }
    named = set(re.findall(r"`((?:GET|PUT|POST|DELETE) /api/v1/[^`?]+)", PAGE.text))

    assert len(named) >= 8
    assert named <= known
