"""`autos jobs`, as operators type it."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.support.commands import assert_refused, run_autos
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber


async def listed(environment: dict[str, str], *arguments: str) -> Any:
    said = await run_autos(environment, "jobs", "list", "--json", *arguments)
    assert said.returncode == 0, said.stderr
    return msgspec.json.decode(said.stdout)


async def failed_job(api: Api, portal: Portal, number: str) -> str:
    """A job of two documents, of which one failed and would now succeed."""
    await portal.put_documents(number, DocumentSpec(origin_id="bad"), DocumentSpec(origin_id="good"))
    await portal.fail_document(number, "bad", Fault(kind=FaultKind.NOT_FOUND_404, times=2))
    await api.process(number)
    ended = await api.ended(number)
    assert ended["status"] == "failed"
    return str(ended["job_id"])


async def test_jobs_are_listed_by_case_and_by_status(
    environment: dict[str, str], api: Api, portal: Portal, number: str
) -> None:
    job_id = await failed_job(api, portal, number)

    (of_case,) = await listed(environment, "--process", number)
    table = await run_autos(environment, "jobs", "list", "--process", number, "--status", "failed")

    assert (of_case["id"], of_case["status"], of_case["failed_documents"]) == (job_id, "failed", 1)
    assert await listed(environment, "--process", number, "--status", "completed") == []
    assert {each["status"] for each in await listed(environment, "--status", "failed")} == {"failed"}
    (line,) = [line for line in table.stdout.splitlines() if job_id in line]
    assert number in line
    shown = await run_autos(environment, "jobs", "show", job_id)
    assert job_id in shown.stdout
    assert number in shown.stdout
    assert of_case["process_number"] == number


async def test_a_job_is_cancelled_and_its_subscriber_is_told(
    environment: dict[str, str], api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await portal.fail_listing(number, Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER))
    job_id = (await api.process(number, webhook_url=subscriber.url(f"/{number}"))).json["job_id"]

    said = await run_autos(environment, "jobs", "cancel", job_id)
    again = await run_autos(environment, "jobs", "cancel", job_id)

    assert [(each.returncode, each.stdout) for each in (said, again)] == [(0, "the job is cancelled\n")] * 2
    (received,) = await subscriber.wait_for(f"/{number}")
    assert (received.json["type"], received.json["job_id"]) == ("process.cancelled", job_id)


async def test_a_job_is_done_again_for_all_who_were_told_of_its_end(
    *, environment: dict[str, str], api: Api, other_client: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(origin_id="bad"), DocumentSpec(origin_id="good"))
    await portal.fail_document(number, "bad", Fault(kind=FaultKind.NOT_FOUND_404, times=2))
    await portal.hold(number, "good")
    paths = (f"/{number}/first", f"/{number}/second")
    for client, path in zip((api, other_client), paths, strict=True):
        job_id = (await client.process(number, webhook_url=subscriber.url(path))).json["job_id"]
    await portal.let_go(number, "good")
    for path in paths:
        assert [each.json["type"] for each in await subscriber.wait_for(path)] == ["process.failed"]

    said = await run_autos(environment, "jobs", "retry", job_id, "--json")

    answer = msgspec.json.decode(said.stdout)
    assert answer["new_job"] is True
    assert answer["job_id"] != job_id
    for path in paths:
        _, received = await subscriber.wait_for(path, 2)
        assert (received.json["type"], received.json["job_id"]) == ("process.completed", answer["job_id"])
    assert await portal.downloads(number) == 2


async def test_a_case_that_could_not_be_listed_is_listed_again(
    environment: dict[str, str], api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await portal.fail_listing(number, Fault(kind=FaultKind.UNAVAILABLE_503), Fault(kind=FaultKind.DENIED_403))
    job_id = (await api.process(number)).json["job_id"]
    assert (await api.ended(number))["status"] == "failed"

    said = await run_autos(environment, "jobs", "retry", job_id)

    assert said.stdout.startswith("the new job is ")
    completed = await api.until(number, lambda status: status["status"] == "completed")
    assert completed["job_id"] == said.stdout.split()[-1]


async def test_what_has_ended_is_not_cancelled_and_what_is_complete_is_not_done_again(
    environment: dict[str, str], api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await api.process(number)
    job_id = (await api.ended(number))["job_id"]

    assert_refused(await run_autos(environment, "jobs", "cancel", job_id), "the job has ended already")
    assert_refused(await run_autos(environment, "jobs", "retry", job_id), "the case lacks nothing")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", str(uuid4())), "there is no such job"),
        (("cancel", str(uuid4())), "there is no such job"),
        (("retry", str(uuid4())), "there is no such job"),
        (("list", "--status", "lost"), "not one of"),
        (("list", "--process", "1"), "A case number has 20 digits"),
    ],
)
async def test_what_is_wrong_is_said_in_a_line(
    environment: dict[str, str], api: Api, arguments: tuple[str, ...], sentence: str
) -> None:
    assert_refused(await run_autos(environment, "jobs", *arguments), sentence)
