"""Requests that meet a running job: each gets everything that it requested, and disturbs no other."""

from typing import Any

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

SIX = DocumentSpec(count=6)
AWAY = Fault(kind=FaultKind.UNAVAILABLE_503, times=FOR_EVER)


def path(number: str, step: str) -> str:
    return f"/api/v1/processes/{number}/{step}"


async def one_of_six(api: Api, portal: Portal, number: str) -> Any:
    """The job for one document of a registered case. It stays active until the portal releases the document."""
    await portal.put_documents(number, SIX)
    registered = (await api.post(path(number, "download-documents"))).json["documents"]
    await portal.hold(number)
    started = await api.post(path(number, f"download-document/{registered[2]['id']}"))
    assert started.json["job"]["total_documents"] == 1
    return started.json["job_id"]


async def test_the_main_entry_gets_the_whole_case_from_the_job_for_one_document(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    job_id = await one_of_six(api, portal, number)

    joined = await api.process(number, webhook_url=subscriber.url(f"/{number}"))
    assert joined.json["job_id"] == job_id
    await portal.let_go(number)

    (received,) = await subscriber.wait_for(f"/{number}")
    told = ("type", "status", "completed_documents", "total_documents")
    assert [received.json[name] for name in told] == ["process.completed", "completed", 6, 6]
    status = await api.status(number)
    assert (status["status"], status["completed_documents"]) == ("completed", 6)


async def test_download_all_gets_the_whole_case_from_the_job_for_one_document(
    api: Api, portal: Portal, number: str
) -> None:
    job_id = await one_of_six(api, portal, number)

    joined = await api.post(path(number, "download-all-documents"), {})

    assert (joined.status, joined.json["job_id"], joined.json["job"]["total_documents"]) == (202, job_id, 6)
    await portal.let_go(number)
    assert (await api.ended(number))["status"] == "completed"


async def test_a_job_for_one_document_announces_no_completed_case(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, SIX)
    registered = (await api.post(path(number, "download-documents"))).json["documents"]

    started = await api.post(
        path(number, f"download-document/{registered[2]['id']}"), {"webhook_url": subscriber.url(f"/{number}")}
    )

    (received,) = await subscriber.wait_for(f"/{number}")
    told = ("type", "status", "completed_documents", "total_documents")
    assert [received.json[name] for name in told] == ["process.updated", "pending", 1, 6]
    job = (await api.get(f"/api/v1/jobs/{started.json['job_id']}")).json
    assert (job["status"], job["completed_documents"], job["total_documents"]) == ("completed", 1, 1)


async def test_a_refresh_while_only_listings_are_down_holds_no_running_job_up(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, SIX)
    await portal.hold(number)
    first = await api.process(number, webhook_url=subscriber.url(f"/{number}"))
    await portal.fail_listing(number, AWAY)

    refreshed = await api.process(number, force_refresh="true")
    # Portals have wrongly said that a case does not exist.
    await portal.fail_listing(number, Fault(kind=FaultKind.EMPTY_LIST, times=FOR_EVER))
    await portal.let_go(number)

    assert (refreshed.status, refreshed.json["job_id"]) == (202, first.json["job_id"])
    (received,) = await subscriber.wait_for(f"/{number}")
    assert (received.json["type"], received.json["completed_documents"]) == ("process.completed", 6)
    job = (await api.get(f"/api/v1/jobs/{first.json['job_id']}")).json
    assert (job["status"], job["error_code"]) == ("completed", None)


async def test_who_joined_a_job_and_cancels_it_cancels_it_for_nobody_else(
    client: Api, other_client: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, SIX)
    await portal.hold(number)
    first = await client.process(number, webhook_url=subscriber.url(f"/{number}/host"))
    await other_client.process(number, webhook_url=subscriber.url(f"/{number}/guest"))

    cancelled = await other_client.post(f"/api/v1/jobs/{first.json['job_id']}/cancel")

    assert (cancelled.status, cancelled.json["status"] in {"pending", "processing"}) == (200, True)
    await portal.let_go(number)
    (received,) = await subscriber.wait_for(f"/{number}/host")
    assert (received.json["type"], received.json["completed_documents"]) == ("process.completed", 6)
    deliveries = await other_client.get("/api/v1/webhooks/deliveries", job_id=first.json["job_id"])
    assert deliveries.json["items"] == []
    assert (await other_client.get(f"/api/v1/jobs/{first.json['job_id']}")).json["status"] == "completed"
    again = await other_client.post(f"/api/v1/jobs/{first.json['job_id']}/cancel")
    assert (again.status, again.json["code"]) == (409, "job_ended")
