"""The loop of the alerts goes on, whatever one report raises."""

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest

from service.database.jobs.job_alerts import Topic
from worker.loops import alerts
from worker.loops.alerts import Alerts, alert_for_ever


async def test_an_error_in_one_topic_delays_neither_itself_nor_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: asyncio.Queue[Topic] = asyncio.Queue()

    async def tell(_database: Any, _target: Any, topic: Topic) -> bool:
        asked.put_nowait(topic)
        raise (ConnectionError if topic is Topic.JOBS else RuntimeError)("invented")

    monkeypatch.setattr(alerts, "tell", tell)
    monkeypatch.setattr(alerts, "FAILURE_CHECK_INTERVAL", 0.0)
    found = Alerts([])
    found.targets = [Mock()]
    task = asyncio.create_task(alert_for_ever(Mock(), found))

    async with asyncio.timeout(60):
        first = [await asked.get() for _ in Topic]
        again = [await asked.get() for _ in Topic]
    task.cancel()
    await asyncio.wait([task])

    assert set(first) == set(Topic)
    assert again == first
