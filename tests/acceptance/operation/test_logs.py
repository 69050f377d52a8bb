"""The whole log of a run: one line for each event, with its ids, and no secret."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec
import pytest

from service.local.simulator import DocumentSpec, Fault, FaultKind
from service.local.stack import Stack
from tests.acceptance.operation.test_portal_token import (
    TokenEndpoint,
    running_own_portal,
    running_token_endpoint,
    service_with,
)
from tests.conftest import create_database
from tests.support.http.api import Answer
from tests.support.numbers import with_check_digits
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber
from tests.support.service import Service

NUMBER = with_check_digits("0000007", "1991", "826", "0001")
DIGITS = NUMBER.replace("-", "").replace(".", "")
FORGED = '{"event": "forged"}'
FORGED_CONSOLE = "2026-11-21T23:59:55.277684Z [info     ] forged"


@dataclass
class Run:
    """The actions of a run, and its log."""

    service: Service
    requested: list[str] = field(default_factory=list)  #: ids of requests
    secrets: list[str] = field(default_factory=list)
    said: str = ""
    documents: list[Any] = field(default_factory=list)  #: rows of the database
    attempts: list[Any] = field(default_factory=list)

    async def get(self, path: str, **parameters: str) -> Answer:
        """A request with an id of its own."""
        self.requested.append(f"request-{len(self.requested)}")
        headers = {"X-Request-ID": self.requested[-1]}
        return await self.service.api.get(path, headers=headers, **parameters)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every log line, decoded."""
        return [msgspec.json.decode(line) for line in self.said.split("\n") if line]

    def told(self, *events: str) -> list[dict[str, Any]]:
        """The lines of these events."""
        return [line for line in self.lines if line["event"] in events]


async def make_run(run: Run, portal: Portal, subscriber: Subscriber, directory: Path) -> None:
    """A job with a failing document, a delivery that needs two attempts, and one that fails."""
    await portal.put_documents(NUMBER, DocumentSpec(count=2, size=3000), DocumentSpec(origin_id="77", size=3000))
    await portal.fail_document(NUMBER, "77", Fault(kind=FaultKind.NOT_FOUND_404, times=-1))
    again, gone = f"/{directory.name}/again", f"/{directory.name}/gone"
    subscriber.answer(again, 500)
    subscriber.answer(gone, 410)
    process = f"/api/v1/processes/{NUMBER}"
    for path in (again, gone):
        await run.get(process, webhook_url=f"{subscriber.url(path)}?token=hidden-token")
    await run.service.add_worker()
    received = await subscriber.wait_for(again, 2)
    await run.service.until("SELECT 1 FROM deliveries WHERE completed_at IS NOT NULL HAVING count(*) = 2")
    await ask_for_secrets(run, process)
    links = [each["download_url"] for each in received[0].json["documents"] if each["download_url"]]
    run.secrets += [parse_qs(urlsplit(link).query)["X-Amz-Signature"][0] for link in links]
    await attack(run)
    run.documents = await run.service.fetch("SELECT id, status, job_id FROM documents")
    run.attempts = await run.service.fetch("SELECT delivery_id, number, outcome FROM delivery_attempts")
    await run.service.stop()
    run.said = "".join(log.read_text() for log in run.service.logs.iterdir())


async def ask_for_secrets(run: Run, process: str) -> None:
    """Make requests whose responses have secrets."""
    answer = await run.get("/api/v1/webhooks/secret")
    run.secrets.append(answer.json["secret"].removeprefix("whsec_"))
    status = (await run.get(f"{process}/status")).json
    (document,) = [each for each in status["documents"] if each["status"] == "available"][:1]
    content = await run.get(f"{process}/documents/{document['id']}/content")
    assert content.status == 302
    run.secrets += parse_qs(urlsplit(content.headers["Location"]).query)["X-Amz-Signature"]


async def attack(run: Run) -> None:
    """Make requests that try to forge log lines, or have secrets."""
    for forged in (FORGED, FORGED_CONSOLE):
        await run.get(f"/a%0D%0A{forged}")
    await run.get(f"/api/v1/processes/%0A{FORGED}/status")
    await run.get(f"/{run.service.environment['ADMIN_API_KEY']}", token="hidden-token")


def known_secrets(environment: Mapping[str, str]) -> list[str]:
    """The secrets of the settings."""
    password = urlsplit(environment["DATABASE_URL"]).password
    assert password
    return [password, environment["AWS_SECRET_ACCESS_KEY"], environment["ADMIN_API_KEY"].removeprefix("autos_")]


async def credentials(portal: Portal, tokens: TokenEndpoint, *, are_renewed: bool) -> tuple[dict[str, str], list[str]]:
    """A token or a refresh token, and the values that must not be logged."""
    if not are_renewed:
        await portal.configure(token="a-token-of-the-portal")
        return {"PDPJ_TOKEN": "a-token-of-the-portal"}, ["a-token-of-the-portal"]
    variables = {"PDPJ_REFRESH_TOKEN": "refresh-0", "PDPJ_TOKEN_URL": tokens.url, "PDPJ_CLIENT_ID": "a-client"}
    return variables, ["refresh-", "access-"]


@pytest.fixture(scope="module")
async def run(
    request: pytest.FixtureRequest,
    stack: Stack,
    session: aiohttp.ClientSession,
    subscriber: Subscriber,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Run]:
    """One run for all tests."""
    are_renewed, logging = request.param
    directory, database_url = tmp_path_factory.mktemp("run"), await create_database(stack)
    async with running_own_portal(session) as portal, running_token_endpoint(portal) as tokens:
        variables, secrets = await credentials(portal, tokens, are_renewed=are_renewed)
        variables |= logging
        async with service_with(stack, portal, directory / "logs", database_url=database_url, **variables) as service:
            run = Run(service, secrets=[*secrets, "hidden-token", *known_secrets(service.environment)])
            await make_run(run, portal, subscriber, directory)
            yield run


INFO = (False, {"LOG_LEVEL": "info"})
DEBUG = (True, {"LOG_LEVEL": "debug"})
CONSOLE = (False, {"LOG_LEVEL": "debug", "LOG_FORMAT": "console"})


@pytest.mark.parametrize("run", [INFO, DEBUG, CONSOLE], indirect=True, ids=["info", "debug", "console"])
async def test_no_secret_is_said_and_no_line_is_forged(run: Run) -> None:
    assert run.said.count("webhook_attempted") == 3
    for secret in run.secrets:
        assert secret not in run.said
    # The filter is for mistakes: nothing of a run's own log is removed, except a key in a path.
    assert run.said.count("[redacted]") == 1
    assert not re.search(r"^(\{\"event\": \"forged\"\}|2026-11-21T\S* \[info +\] forged)", run.said, re.MULTILINE)


@pytest.mark.parametrize("run", [INFO, DEBUG], indirect=True, ids=["info", "debug"])
async def test_each_request_job_document_and_attempt_has_one_line_with_its_ids(run: Run) -> None:
    requests = Counter(line["request_id"] for line in run.told("request") if line["request_id"] in run.requested)
    assert requests == dict.fromkeys(run.requested, 1)
    (job,) = run.told("job_ended")
    of_the_job = {name: job[name] for name in ("job_id", "process_number", "request_id")}
    assert of_the_job == {
        "job_id": str(run.documents[0]["job_id"]),
        "process_number": NUMBER,
        "request_id": run.requested[0],
    }
    documents = run.told("document_available", "document_failed")
    assert sorted(line["document_id"] for line in documents) == sorted(str(row["id"]) for row in run.documents)
    assert Counter(line["event"] for line in documents) == {"document_available": 2, "document_failed": 1}
    attempts = run.told("webhook_attempted")
    made = [(str(row["delivery_id"]), row["number"], row["outcome"]) for row in run.attempts]
    assert sorted((line["delivery_id"], line["attempt"], line["outcome"]) for line in attempts) == sorted(made)
    for line in (*documents, *attempts):
        assert line | of_the_job == line


@pytest.mark.parametrize("run", [INFO, DEBUG], indirect=True, ids=["info", "debug"])
async def test_the_line_of_a_request_says_what_it_was_about(run: Run) -> None:
    first, *_others, wrong_number, _key = [line for line in run.told("request") if line["request_id"] in run.requested]

    assert (first["method"], first["path"], first["status"]) == ("GET", f"/api/v1/processes/{NUMBER}", 200)
    assert first["process_number"] == NUMBER
    assert first["ms"] > 0
    assert (wrong_number["status"], "process_number" in wrong_number) == (400, False)
    (content,) = [line for line in run.told("request") if line["path"].endswith("/content")]
    assert content["document_id"] in {str(row["id"]) for row in run.documents}
