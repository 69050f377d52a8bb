"""The alert rules and the dashboard use only series that the processes show."""

import re
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import yaml

from service.domain.errors import ErrorCode
from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from service.portal.errors import Unauthorized, Unavailable
from tests.acceptance.operation.test_metrics import running
from tests.support.portal import Portal
from tests.support.processes import REPOSITORY, free_port

ALERTS = REPOSITORY / "ops" / "alerts.yml"
DASHBOARD = REPOSITORY / "ops" / "dashboard.json"
RUNBOOKS = REPOSITORY / "docs" / "operating.md"
NAME = re.compile(r"\b(?:autos|process)_[a-z_]+\b|\bup\b")
LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
GROUPING = re.compile(r"\b(?:by|on) \(([^)]*)\)")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> list[str]:
    """The expressions of both files."""
    panels = msgspec.json.decode(DASHBOARD.read_bytes())["panels"]
    shown = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    assert len(shown) > 20
    return [rule["expr"] for rule in rules()] + shown


@pytest.fixture
async def families(
    stack: Stack, session: aiohttp.ClientSession, tmp_path: Path, portal: Portal, number: str
) -> dict[str, set[str]]:
    """The names of all labels of every series that both processes show after a job with a webhook."""
    async with running(stack, session, tmp_path) as place:
        await portal.put_documents(number, DocumentSpec(size=3000))
        await place.service.add_worker()
        # Nothing listens there: so there is an attempt, and a delivery that waits for the next one.
        await place.service.api.process(number, webhook_url=f"http://127.0.0.1:{free_port()}/")
        worker = await place.worker_until("autos_delivery_attempts_total", outcome="connect_failed", status="scheduled")
        samples = [*(await place.api()).samples, *worker.samples]
    # Prometheus adds these itself.
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    for sample in samples:
        found.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
    return found


async def test_every_metric_and_label_that_is_used_is_shown(families: dict[str, set[str]]) -> None:
    used = {name for expression in expressions() for name in NAME.findall(expression)}

    assert len(used) > 15
    assert used <= families.keys()
    for expression in expressions():
        labels = set().union(*(families[name] for name in NAME.findall(expression)))
        assert set(LABEL.findall(expression)) | grouped(expression) <= labels, expression


async def test_every_metric_of_the_service_is_used(families: dict[str, set[str]]) -> None:
    text = "\n".join(expressions())
    own = {re.sub(r"_(total|bucket|count|sum|created)$", "", name) for name in families if name.startswith("autos_")}

    assert {name for name in own if name not in text} == set()


def grouped(expression: str) -> set[str]:
    """The labels that an expression groups by."""
    return {label.strip() for group in GROUPING.findall(expression) for label in group.split(",")}


def test_the_values_of_labels_that_rules_look_for_are_those_of_the_service() -> None:
    text = "\n".join(expressions())

    assert set(re.findall(r'error_code!?[=~]+"([^"]+)"', text)) == {"nothing_to_download|document_access_denied"}
    assert {"nothing_to_download", "document_access_denied"} <= set(ErrorCode)
    # A refused token has a rule of its own.
    temporary = {each.outcome for each in subclasses(Unavailable)} - {Unauthorized.outcome}
    found = re.findall(r'outcome=~"([^"]+)"', text)
    assert [set(each.split("|")) for each in found] == [temporary]


def subclasses(kind: type[Unavailable]) -> set[type[Unavailable]]:
    """A class and its subclasses."""
    return {kind}.union(*(subclasses(each) for each in kind.__subclasses__()))


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    anchors = {anchor(line) for line in RUNBOOKS.read_text().splitlines() if line.startswith("#")}

    assert len({rule["alert"] for rule in rules()}) == len(rules()) > 10
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"].endswith(".")
        page, _, wanted = rule["annotations"]["runbook_url"].partition("#")
        assert page == RUNBOOKS.relative_to(REPOSITORY).as_posix()
        assert wanted in anchors, rule["alert"]


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    text = heading.lstrip("#").strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def test_expressions_are_closed() -> None:
    for expression in expressions():
        for opening, closing in ("()", "{}", "[]"):
            assert expression.count(opening) == expression.count(closing), expression
        assert expression.count('"') % 2 == 0, expression


def test_no_two_panels_share_an_id_or_a_place() -> None:
    panels = msgspec.json.decode(DASHBOARD.read_bytes())["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
