"""The rules of `GET /processes/{number}/events`, over HTTP with a real worker."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import asyncpg

from service.domain.api_keys import key_hash, new_api_key
from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.support.http.api import Api
from tests.support.http.event_streams import expect_one_orderly_stream, following, told
from tests.support.portal import Portal, put_away
from tests.support.processes import Process
from tests.support.servers.subscriber import Subscriber

LINKS = {"download_url", "download_url_expires_at"}


def without_links(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in LINKS}


async def test_a_download_is_told_from_a_snapshot_to_its_end(api: Api, portal: Portal, number: str) -> None:
    held = ("early", "late")
    await portal.put_documents(number, DocumentSpec(count=3), *(DocumentSpec(origin_id=name) for name in held))
    for name in held:
        await portal.hold(number, name)
    await api.process(number)

    async with following(api, number) as stream:
        events = await stream.until("snapshot")
        for name, reached in zip(held, ("progress", "completed"), strict=True):
            await portal.let_go(number, name)
            events += await stream.until(reached)
        events += await stream.rest()

    expect_one_orderly_stream(events)
    assert events[-1].name == "completed"
    assert {"document", "progress"} <= {event.name for event in events}
    status = await api.status(number)
    known = told(events)
    assert [without_links(known[each["id"]]) for each in status["documents"]] == [
        without_links(each) for each in status["documents"]
    ]
    assert {name: status[name] for name in events[-1].data} == events[-1].data
    (late,) = [each.data for each in events if each.name == "document" and each.data["status"] == "available"][-1:]
    content, _ = await api.download(late["download_url"])
    assert len(content) == late["size"]


async def test_the_answer_passes_caches_and_proxies_and_says_when_to_come_back(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await api.process(number)

    async with following(api, number) as stream:
        headers = stream.response.headers
        events = await stream.rest()

    assert headers["Content-Type"].startswith("text/event-stream")
    assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert "RateLimit-Remaining" in headers
    assert "X-Request-ID" in headers
    assert events[0].fields["retry"] == "3000"


async def test_whoever_comes_back_in_the_middle_gets_a_new_snapshot(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(origin_id="early"), DocumentSpec(origin_id="late"))
    for name in ("early", "late"):
        await portal.hold(number, name)
    await api.process(number)
    async with following(api, number) as stream:
        await stream.until("snapshot")
        await portal.let_go(number, "early")
        before = 0.0
        while not before:  # the first one may still show 0
            before = (await stream.until("progress"))[-1].data["progress_percentage"]

    async with following(api, number) as stream:
        events = await stream.until("snapshot")
        await portal.let_go(number, "late")
        events += await stream.rest()

    expect_one_orderly_stream(events)
    assert events[0].data["progress_percentage"] >= before
    assert {each["status"] for each in told(events).values()} == {"available"}


async def test_a_case_that_is_complete_is_told_at_once(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(count=2))
    await api.process(number)
    status = await api.ended(number)

    async with following(api, number) as stream:
        snapshot, end = await stream.rest()

    assert (snapshot.name, end.name) == ("snapshot", "completed")
    assert [without_links(each) for each in snapshot.data.pop("documents")] == [
        without_links(each) for each in status.pop("documents")
    ]
    assert snapshot.data == status


async def test_documents_that_cannot_be_had_are_told_and_the_end_is_failed(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(origin_id="bad"), DocumentSpec(origin_id="late"))
    await portal.fail_document(number, "bad", Fault(kind=FaultKind.NOT_FOUND_404, times=FOR_EVER))
    await portal.hold(number, "late")
    await api.process(number)

    async with following(api, number) as stream:
        events = await stream.until("snapshot")
        await portal.let_go(number, "late")
        events += await stream.rest()

    expect_one_orderly_stream(events)
    assert (events[-1].name, events[-1].data["failed_documents"]) == ("failed", 1)
    (failed,) = [each for each in told(events).values() if each["status"] == "failed"]
    assert failed["error_message"]


async def test_a_cancelled_job_ends_the_stream_with_its_own_event(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(count=3))
    await portal.hold(number)
    job_id = (await api.process(number)).json["job_id"]

    async with following(api, number) as stream:
        opening = await stream.until("snapshot")
        assert (await api.post(f"/api/v1/jobs/{job_id}/cancel")).status == 200
        events = opening + await stream.rest()

    expect_one_orderly_stream(events)
    assert (events[-1].name, events[-1].data["job_id"]) == ("cancelled", job_id)


async def test_a_request_that_is_kept_is_told_from_the_listing_on(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(count=2))
    await portal.fail_listing(number, Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER, retry_after=600))
    kept = await api.process(number)
    assert kept.status == 202
    await put_away(api, kept.json["job_id"])

    async with following(api, number) as stream:
        events = await stream.until("snapshot")
        await portal.fail_listing(number)
        await api.process(number)  # the next request continues the kept one
        events += await stream.rest()

    expect_one_orderly_stream(events)
    assert (events[0].data["status"], events[0].data["documents"]) == ("pending", [])
    assert events[-1].name == "completed"
    assert len(told(events)) == 2


async def test_a_case_that_no_download_was_asked_for_is_followed_into_its_first_job(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=2))
    await api.process(number, auto_download="false")

    async with following(api, number) as stream:
        (snapshot,) = await stream.until("snapshot")
        job_id = (await api.process(number)).json["job_id"]
        events = [snapshot, *await stream.rest()]

    assert (snapshot.data["status"], snapshot.data["job_id"]) == ("pending", None)
    expect_one_orderly_stream(events)
    assert events[-1].data["job_id"] == job_id


async def test_nobody_sees_the_webhook_of_another(
    api: Api, other_client: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=2))
    await portal.hold(number)
    url = subscriber.url(f"/{number}")
    await api.process(number, webhook_url=url)

    async with following(api, number) as own, following(other_client, number) as foreign:
        streams = (own, foreign)
        opened = await asyncio.gather(*(stream.until("snapshot") for stream in streams))
        await portal.let_go(number)
        rest = await asyncio.gather(*(stream.rest() for stream in streams))
        seen, hidden = (begin + end for begin, end in zip(opened, rest, strict=True))

    assert seen[0].data["webhook_url"] == url
    assert hidden[0].data["webhook_url"] is None
    assert url not in json.dumps([each.data for each in [*seen[1:], *hidden]])


async def test_what_cannot_be_followed_is_refused_before_a_stream_begins(api: Api, number: str) -> None:
    stranger = Api(api.session, api.base_url, new_api_key())

    unknown = await api.get(f"/api/v1/processes/{number}/events")
    malformed = await api.get("/api/v1/processes/123/events")
    unauthorized = await stranger.get(f"/api/v1/processes/{number}/events")

    assert [(each.status, each.json["code"]) for each in (unknown, malformed, unauthorized)] == [
        (404, "process_not_found"),
        (400, "invalid_process_number"),
        (401, "unauthorized"),
    ]


async def test_a_head_request_is_answered_without_a_stream(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec())
    await api.process(number, auto_download="false")
    url = f"{api.base_url}/api/v1/processes/{number}/events"

    async with api.session.head(url, headers={"Authorization": f"Bearer {api.api_key}"}) as response:
        body = await response.read()

    assert (response.status, body) == (200, b"")
    assert response.content_type == "text/event-stream"


async def test_a_revoked_key_ends_its_streams_and_no_others(
    api: Api, portal: Portal, number: str, database_url: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await api.process(number, auto_download="false")
    second = Api(api.session, api.base_url, new_api_key())
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO api_keys (id, user_id, hash) SELECT $1, id, $2 FROM users WHERE name = 'admin'",
        uuid4(),
        key_hash(second.api_key or ""),
    )

    async with following(api, number) as kept, following(second, number) as ended:
        await asyncio.gather(kept.until("snapshot"), ended.until("snapshot"))
        await connection.execute(
            "UPDATE api_keys SET revoked_at = now() WHERE hash = $1", key_hash(second.api_key or "")
        )
        async with asyncio.timeout(60):
            assert await ended.rest() == []
        await api.process(number)
        assert (await kept.rest())[-1].name == "completed"
    await connection.close()


async def test_a_stream_is_one_line_of_the_log_at_its_end(
    api: Api, api_process: Process, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    await api.process(number, auto_download="false")
    async with following(api, number) as stream:
        await stream.until("snapshot")
        assert requests_in(api_process, f"{number}/events") == []
        await api.process(number)
        await stream.rest()

    async with asyncio.timeout(60):
        while not (lines := requests_in(api_process, f"{number}/events")):  # noqa: ASYNC110  (another process)
            await asyncio.sleep(0.05)

    (line,) = lines
    assert line["status"] == 200
    assert line["ms"] > 0


def requests_in(process: Process, path: str) -> list[dict[str, Any]]:
    """The request lines of a path."""
    lines = [json.loads(line) for line in process.said.splitlines() if path in line and line.endswith("}")]
    return [line for line in lines if line["event"] == "request"]
