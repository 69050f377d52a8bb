"""The steps of the main entry, one by one: register, download one, download all."""

from typing import Any
from uuid import uuid4

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.support.http.api import Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

THREE = DocumentSpec(count=3)


def path(number: str, step: str) -> str:
    return f"/api/v1/processes/{number}/{step}"


async def completed(api: Api, portal: Portal, number: str) -> Any:
    await portal.put_documents(number, THREE)
    await api.process(number)
    return await api.ended(number)


async def test_registering_lists_the_case_and_downloads_nothing(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, THREE)

    answer = await api.post(path(number, "download-documents"))

    assert (answer.status, answer.json["total_documents"], answer.json["job_id"]) == (200, 3, None)
    assert {document["status"] for document in answer.json["documents"]} == {"pending"}
    assert await portal.downloads(number) == 0


async def test_registering_again_adds_what_is_new(api: Api, portal: Portal, number: str) -> None:
    await completed(api, portal, number)
    await portal.put_documents(number, DocumentSpec(count=5))

    answer = await api.post(path(number, "download-documents"))

    statuses = [document["status"] for document in answer.json["documents"]]
    assert (statuses.count("available"), statuses.count("pending"), answer.json["status"]) == (3, 2, "pending")


async def test_registering_a_case_that_the_portal_cannot_be_asked_for_says_when_to_ask_again(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, THREE)
    await portal.fail_listing(number, Fault(kind=FaultKind.UNAVAILABLE_503))

    answer = await api.post(path(number, "download-documents"))

    assert (answer.status, answer.json["code"]) == (503, "portal_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


async def test_one_document_is_downloaded_and_no_other(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, THREE)
    registered = (await api.post(path(number, "download-documents"))).json["documents"]

    answer = await api.post(
        path(number, f"download-document/{registered[1]['id']}"), {"webhook_url": subscriber.url(f"/{number}")}
    )

    assert (answer.status, answer.json["job"]["total_documents"]) == (202, 1)
    (received,) = await subscriber.wait_for(f"/{number}")
    assert received.json["job_id"] == answer.json["job_id"]
    status = await api.status(number)
    assert [document["status"] for document in status["documents"]] == ["pending", "available", "pending"]
    assert await portal.downloads(number) == 1


async def test_an_available_document_is_downloaded_again_and_stays_available_meanwhile(
    api: Api, portal: Portal, number: str
) -> None:
    before = (await completed(api, portal, number))["documents"][0]
    await portal.fail_document(number, "*", Fault(kind=FaultKind.CODEX_500, times=FOR_EVER))

    answer = await api.post(path(number, f"download-document/{before['id']}"))
    failed = (await api.ended(number))["documents"][0]

    assert answer.status == 202
    assert (failed["sha256"], failed["status"]) == (before["sha256"], "available")
    assert failed["error_code"] is not None
    await portal.fail_document(number, "*")
    await api.post(path(number, f"download-document/{before['id']}"))
    again = (await api.ended(number))["documents"][0]
    assert (again["status"], again["sha256"], again["error_code"]) == ("available", before["sha256"], None)
    assert (await api.download(before["download_url"]))[0] == (await api.download(again["download_url"]))[0]


async def test_all_documents_are_downloaded_by_one_job(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, THREE)
    await api.post(path(number, "download-documents"))

    answer = await api.post(path(number, "download-all-documents"), {"webhook_url": subscriber.url(f"/{number}")})

    assert (answer.status, answer.json["job"]["total_documents"]) == (202, 3)
    (received,) = await subscriber.wait_for(f"/{number}")
    assert (received.json["status"], received.json["completed_documents"]) == ("completed", 3)


async def test_a_complete_case_has_nothing_to_download_and_calls_back_at_once(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await completed(api, portal, number)

    answer = await api.post(path(number, "download-all-documents"), {"webhook_url": subscriber.url(f"/{number}")})

    assert (answer.status, answer.json["job"]) == (200, None)
    assert (await subscriber.wait_for(f"/{number}"))[0].json["status"] == "completed"
    assert await portal.downloads(number) == 3


async def test_force_downloads_everything_again(api: Api, portal: Portal, number: str) -> None:
    before = await completed(api, portal, number)

    answer = await api.post(path(number, "download-all-documents"), {"force": True})
    after = await api.ended(number)

    assert (answer.status, answer.json["job"]["total_documents"]) == (202, 3)
    assert await portal.downloads(number) == 6
    assert [each["sha256"] for each in after["documents"]] == [each["sha256"] for each in before["documents"]]


async def test_a_running_job_takes_on_what_is_asked_for(api: Api, portal: Portal, number: str) -> None:
    first, *rest = (await completed(api, portal, number))["documents"]
    await portal.fail_document(number, "*", Fault(kind=FaultKind.HANG, times=FOR_EVER))
    job_id = (await api.post(path(number, f"download-document/{first['id']}"))).json["job_id"]
    await api.until(number, lambda status: status["status"] == "processing")

    joined = await api.post(path(number, f"download-document/{rest[0]['id']}"))
    everything = await api.post(path(number, "download-all-documents"), {"force": True})

    assert [answer.json["job_id"] for answer in (joined, everything)] == [job_id, job_id]
    assert everything.json["job"]["total_documents"] == 3
    assert (await api.post(f"/api/v1/jobs/{job_id}/cancel")).status == 200


async def test_what_is_not_there_is_not_found(api: Api, portal: Portal, number: str) -> None:
    unknown = await api.post(path(number, f"download-document/{uuid4()}"))
    nobody = await api.post(path(number, "download-all-documents"))
    await portal.put_documents(number, THREE)
    await api.post(path(number, "download-documents"))
    lost = await api.post(path(number, f"download-document/{uuid4()}"))
    odd = await api.post(path(number, "download-document/x"))

    assert [answer.json["code"] for answer in (unknown, nobody)] == ["process_not_found"] * 2
    assert [answer.json["code"] for answer in (lost, odd)] == ["document_not_found"] * 2
