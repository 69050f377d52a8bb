"""Tells operators what nobody would see otherwise, through whatever they read: e-mail, chat, plain HTTP."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from service.database import delivery_history, job_alerts
from service.database.connection import Database
from service.database.delivery_history import Exhausted
from service.database.job_alerts import MostlyFailed

if TYPE_CHECKING:
    from worker.alert_targets import Target

INTERVAL = 2.0  # seconds between two looks
QUIET = 60.0  # seconds after a message: what fails meanwhile is told in the next one
SEND_TIMEOUT = 60.0  # seconds for one target
MAX_AGE = timedelta(days=1)  # of a failure that is still told: targets may have been added later
_NAMED = 10  # deliveries or jobs in one message; the rest is counted


class Alerts:
    """The targets of `ALERT_URLS`. One that fails is logged and keeps nobody from being told."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Read the URLs. Raises `StartupError`, which does not repeat them: they hold passwords."""
        self._targets: list[Target] = []
        if urls:
            # apprise takes 60 ms of CPU to import, a tenth of a worker's start, and most workers have nobody to tell.
            from worker.alert_targets import open_targets  # noqa: PLC0415  (see above)

            self._targets = open_targets(urls)

    def __bool__(self) -> bool:
        return bool(self._targets)

    async def send(self, title: str, body: str) -> None:
        """Tell all targets at once. Never raises for what they do."""
        await asyncio.gather(*(self._send(target, title, body) for target in self._targets))

    async def _send(self, target: "Target", title: str, body: str) -> None:
        # The library blocks. A thread that outlives the timeout ends with the target's own socket timeouts.
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                is_sent = await asyncio.to_thread(target.notify, title, body)
        except Exception as error:  # noqa: BLE001  (plugins of over a hundred services raise what they like)
            structlog.get_logger().warning("alert_not_sent", target=target.name, error=type(error).__name__)
            return
        if not is_sent:
            structlog.get_logger().warning("alert_not_sent", target=target.name)


async def alert_for_ever(database: Database, alerts: Alerts) -> None:
    """Tell of deliveries that were given up and of jobs that mostly failed, until cancelled.

    One message of each kind for all that failed in a while.
    """
    while alerts:
        told = False
        try:
            told = await alert_once(database, alerts)
        except Exception:  # noqa: BLE001  (process boundary: whatever it is, what fails next must be told too)
            structlog.get_logger().exception("alerts_failed")
        await asyncio.sleep(QUIET if told else INTERVAL)


async def alert_once(database: Database, alerts: Alerts) -> bool:
    """Tell of what was not told yet; says whether there was anything."""
    async with database.connection() as connection:
        exhausted = await delivery_history.take_exhausted(connection, within=MAX_AGE)
        mostly_failed = await job_alerts.take_mostly_failed(connection, within=MAX_AGE)
    if exhausted:
        await alerts.send(*describe(exhausted))
    if mostly_failed:
        await alerts.send(*describe_jobs(mostly_failed))
    return bool(exhausted or mostly_failed)


def describe_jobs(jobs: Sequence[MostlyFailed]) -> tuple[str, str]:
    """Title and body: ids and counts."""
    title = f"Autos: most documents of {len(jobs)} job{'' if len(jobs) == 1 else 's'} have failed"
    lines = [f"{each.id}: {each.failed} of {each.documents} documents" for each in jobs[:_NAMED]]
    if len(jobs) > _NAMED:
        lines.append(f"and {len(jobs) - _NAMED} more")
    lines += ["", "See `autos jobs show <job>` for the reasons; asking for the case again tries again."]
    return title, "\n".join(lines)


def describe(exhausted: Sequence[Exhausted]) -> tuple[str, str]:
    """Title and body. Hosts and ids only: a URL's path and query may hold the secrets of its owner."""
    count = len(exhausted)
    title = f"Autos: {count} webhook {'delivery has' if count == 1 else 'deliveries have'} failed for good"
    hosts = Counter(each.host for each in exhausted).most_common(_NAMED)
    lines = [f"{host}: {failed}" for host, failed in hosts]
    lines += ["", *(f"{each.id} to {each.host}: {each.last_error or 'no answer'}" for each in exhausted[:_NAMED])]
    if count > _NAMED:
        lines.append(f"and {count - _NAMED} more")
    lines += ["", "They are kept. See `autos deliveries list --status failed`; `autos deliveries recover` sends again."]
    return title, "\n".join(lines)
