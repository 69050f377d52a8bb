"""`autos simulate file`: something new in a case of the simulated portal of a running `autos up`."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from service.domain.process_number import ProcessNumber
from service.local.curl_lines import check_line, watch_line
from service.local.errors import LocalStackError
from service.local.simulator import PortalControl, RefusedControl
from service.local.simulator.cases.samples import FEDERAL
from service.local.up import KEY_FILE, REAL_DIRECTORY, SHELL_FILE, SIMULATED_DIRECTORY

_TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True)
class Filing:
    """What to file: a document, a movement, or both. `movement` is its description."""

    number: ProcessNumber
    document: Mapping[str, object] | None
    movement: str | None


@dataclass(frozen=True)
class RunningStack:
    """Where the parts of a running `autos up` are."""

    portal: str  #: origin of the simulated portal
    api: str
    api_key: str


class _Monitor(msgspec.Struct, frozen=True):
    next_check_at: str | None = None


def running_stack_in(data: Path) -> RunningStack:
    """The stack that `autos up` runs on this data. Raises LocalStackError if none runs, or one on the real portal."""
    directory = data / SIMULATED_DIRECTORY
    try:
        settings = _exported((directory / SHELL_FILE).read_text())
        api_key = (directory / KEY_FILE).read_text().strip()
    except FileNotFoundError:
        raise LocalStackError(_why_none_runs(data)) from None
    parts = urlsplit(settings["PDPJ_BASE_URL"])
    portal, api = f"{parts.scheme}://{parts.netloc}", f"http://127.0.0.1:{settings['PORT']}"
    return RunningStack(portal, api, api_key)


def _exported(text: str) -> dict[str, str]:
    """The variables of a file of `export NAME=value`."""
    words = (word for word in shlex.split(text) if word != "export")
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _why_none_runs(data: Path) -> str:
    if (data / REAL_DIRECTORY / SHELL_FILE).exists():
        return "`autos up` asks the real portal, where nothing can be filed: start it without PDPJ_TOKEN"
    return f"no stack runs in {data}: start it with `make up`"


async def file(stack: RunningStack, filing: Filing) -> list[str]:
    """File it, and return lines that say what was filed and when the service sees it.

    Raises LocalStackError if the portal does not respond, or does not know the case.
    """
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        lines = await _filed(PortalControl(session, stack.portal), filing)
        return [*lines, await _next_check(session, stack, filing.number)]


async def _filed(portal: PortalControl, filing: Filing) -> list[str]:
    number, lines = filing.number.masked, []
    try:
        if filing.document is not None:
            document = await portal.file_document(number, **filing.document)
            lines.append(f"Filed     {document['name']}, {document['size']:,} bytes, in case {number}")
        if filing.movement is not None:
            movement = await portal.file_movement(number, description=filing.movement)
            lines.append(f"Filed     the movement {movement['description']!r} in case {number}")
    except RefusedControl as error:
        raise LocalStackError(_refusal(error, number)) from None
    except (aiohttp.ClientError, TimeoutError):
        raise LocalStackError("the simulated portal does not respond: is `make up` still running?") from None
    return lines


def _refusal(error: RefusedControl, number: str) -> str:
    if error.status == HTTPStatus.NOT_FOUND:
        return f"the simulated portal does not know the case {number}; it knows {FEDERAL}, for example"
    return f"the simulated portal refused it: {error}"


async def _next_check(session: aiohttp.ClientSession, stack: RunningStack, number: ProcessNumber) -> str:
    """The line on when the case is asked for again. Without an answer of the API, it is that of an unwatched case."""
    url = f"{stack.api}/api/v1/processes/{number.masked}/monitor"
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    try:
        async with session.get(url, headers=headers) as answer:
            body = await answer.read()
            monitor = msgspec.json.decode(body, type=_Monitor) if answer.status == HTTPStatus.OK else None
    except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError):
        monitor = None
    if monitor is None:
        return f"Watch     {watch_line(url, stack.api_key)}"
    return f"Check     next at {monitor.next_check_at}; now: {check_line(url, stack.api_key)}"
