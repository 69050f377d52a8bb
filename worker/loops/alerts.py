"""Alerts operators to failed deliveries and jobs, by e-mail, chat or plain HTTP."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import cycle
from typing import TYPE_CHECKING

import structlog

from service.database.connection import Database
from service.database.jobs import job_alerts
from service.database.jobs.job_alerts import Exhausted, MostlyFailed, SwitchedOff, Telling, Topic, Unchecked
from worker.loops.run_forever import run_forever

if TYPE_CHECKING:
    from service.observability.alert_targets import Target

FAILURE_CHECK_INTERVAL = 2.0  # seconds between two checks for failures of one topic
ALERT_INTERVAL = timedelta(seconds=60)  # between two messages: what fails meanwhile goes into the next one
ALERT_RETRY_DELAY = timedelta(seconds=60)  # after a message that could not be sent
ALERT_TIMEOUT = 60.0  # seconds for one target
ALERT_LEASE = timedelta(seconds=2 * ALERT_TIMEOUT)  # of a worker that sends; then another one sends the same
MAX_AGE = timedelta(days=1)  # of a failure that is still reported; a new target gets those of this time
_NAMED = 10  # deliveries or jobs listed in one message; the rest is only counted


class Alerts:
    """The targets of `ALERT_URLS`."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Raises `StartupError` for a wrong URL, without the URL in its text: it holds passwords."""
        self.targets: list[Target] = []
        if urls:
            # The import of apprise is slow, and most workers have no targets.
            from service.observability.alert_targets import open_targets  # noqa: PLC0415  (see above)

            self.targets = open_targets(urls)

    def __bool__(self) -> bool:
        return bool(self.targets)


async def alert_for_ever(database: Database, found: Alerts) -> None:
    """Report failed deliveries, mostly failed jobs and endpoints switched off to each target, until cancelled.

    One message per topic reports all failures of a period. A target that fails or hangs does not delay the others.
    """
    async with asyncio.TaskGroup() as loops:
        for target in found.targets:
            loops.create_task(_tell_for_ever(database, target))


async def _tell_for_ever(database: Database, target: "Target") -> None:
    # One topic in each step: an error in one topic must not keep the other from being reported.
    topics = cycle(Topic)

    async def tell_next() -> None:
        await tell(database, target, next(topics))

    interval = FAILURE_CHECK_INTERVAL / len(Topic)
    await run_forever(tell_next, interval=interval, postponed="alerts_postponed", failed="alerts_failed")


async def tell(database: Database, target: "Target", topic: Topic) -> bool:
    """Send a target the failures that it has not received. Return True if it accepted a message.

    At least once: if a worker dies after the message and before `note_told`, another one sends the message again.
    """
    async with database.transaction() as connection:
        telling = await job_alerts.take(connection, target.key, topic, within=MAX_AGE, term=ALERT_LEASE)
    if telling is None:
        return False
    if telling.expired:
        structlog.get_logger().error("alerts_expired", target=target.name, topic=topic, failures=telling.expired)
    is_told = await _send(target, *describe(telling))
    async with database.connection() as connection:
        if is_told:
            await job_alerts.note_told(connection, telling, quiet=ALERT_INTERVAL)
        else:
            await job_alerts.put_off(connection, telling, ALERT_RETRY_DELAY)
    return is_told


async def _send(target: "Target", title: str, body: str) -> bool:
    # apprise blocks. A thread that outlives the timeout ends when the target's own socket timeout does.
    try:
        async with asyncio.timeout(ALERT_TIMEOUT):
            is_sent = await asyncio.to_thread(target.notify, title, body)
    except Exception as error:  # noqa: BLE001  (plugins of over a hundred services raise what they like)
        structlog.get_logger().warning("alert_not_sent", target=target.name, error=type(error).__name__)
        return False
    if not is_sent:
        structlog.get_logger().warning("alert_not_sent", target=target.name)
    return is_sent


def describe(telling: Telling) -> tuple[str, str]:
    """Title and body of a message."""
    if telling.topic is Topic.JOBS:
        return describe_jobs([each for each in telling.failures if isinstance(each, MostlyFailed)])
    if telling.topic is Topic.ENDPOINTS:
        return describe_endpoints([each for each in telling.failures if isinstance(each, SwitchedOff)])
    if telling.topic is Topic.MONITORS:
        return describe_monitors([each for each in telling.failures if isinstance(each, Unchecked)])
    return describe_deliveries([each for each in telling.failures if isinstance(each, Exhausted)])


def describe_jobs(jobs: Sequence[MostlyFailed]) -> tuple[str, str]:
    """Title and body: ids and counts."""
    title = f"Autos: most documents of {len(jobs)} job{'' if len(jobs) == 1 else 's'} have failed"
    lines = [f"{each.id}: {each.failed} of {each.documents} documents" for each in jobs[:_NAMED]]
    if len(jobs) > _NAMED:
        lines.append(f"and {len(jobs) - _NAMED} more")
    lines += ["", "See `autos jobs show <job>` for the reasons; asking for the case again tries again."]
    return title, "\n".join(lines)


def describe_endpoints(endpoints: Sequence[SwitchedOff]) -> tuple[str, str]:
    """Title and body. Hosts and ids only: a URL's path and query may hold the secrets of its owner."""
    count = len(endpoints)
    title = f"Autos: {count} webhook endpoint{' is' if count == 1 else 's are'} switched off"
    lines = [f"{each.id} at {each.host} has failed for days" for each in endpoints[:_NAMED]]
    if count > _NAMED:
        lines.append(f"and {count - _NAMED} more")
    lines += ["", "They get no new events until their owners switch them on; then `recover` sends what has failed."]
    return title, "\n".join(lines)


def describe_monitors(unchecked: Sequence[Unchecked]) -> tuple[str, str]:
    """Title and body: counts by reason. The numbers of cases are in the log, and at `GET /monitors?status=failing`."""
    count = len(unchecked)
    title = f"Autos: {count} watched case{'' if count == 1 else 's'} could not be checked for three days"
    codes = Counter(each.code for each in unchecked).most_common(_NAMED)
    lines = [f"{code}: {cases} case{'' if cases == 1 else 's'}" for code, cases in codes]
    lines += ["", "The checks go on. The lines `monitor_failing` of the log name the cases."]
    return title, "\n".join(lines)


def describe_deliveries(exhausted: Sequence[Exhausted]) -> tuple[str, str]:
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
