"""Lists: filters, pages that stay complete while rows are added, and who sees what."""

from collections.abc import Iterator
from typing import Any

import pytest

from service.local.simulator import FOR_EVER, DocumentSpec, Fault, FaultKind
from tests.support.http.api import Api
from tests.support.portal import Portal

ONE = DocumentSpec()


async def pages(api: Api, path: str, **parameters: Any) -> list[list[Any]]:
    """Every page of a list, up to its end."""
    found = []
    while True:
        answer = await api.get(path, **parameters)
        assert answer.status == 200, answer
        found.append(answer.json["items"])
        if answer.json["next_cursor"] is None:
            return found
        parameters["cursor"] = answer.json["next_cursor"]


async def numbers_of(api: Api, **parameters: Any) -> list[str]:
    return [item["process_number"] for page in await pages(api, "/api/v1/processes", **parameters) for item in page]


async def request(api: Api, portal: Portal, number: str, *documents: DocumentSpec, **parameters: Any) -> Any:
    await portal.put_documents(number, *documents)
    answer = await api.process(number, **parameters)
    assert answer.status in {200, 202}, answer
    return answer.json


async def settled_cases(api: Api, portal: Portal, supply: Iterator[str]) -> dict[str, Any]:
    """One settled case of each settled status, with its status."""
    done, failing, registered, cancelled = (next(supply) for _ in range(4))
    await request(api, portal, done, ONE, ONE)
    await portal.put_documents(failing, ONE)
    await portal.fail_document(failing, "*", Fault(kind=FaultKind.NOT_FOUND_404, times=FOR_EVER))
    await api.process(failing)
    await request(api, portal, registered, ONE, auto_download="false")
    await portal.put_documents(cancelled, ONE)
    await portal.fail_document(cancelled, "*", Fault(kind=FaultKind.HANG, times=FOR_EVER))
    job_id = (await api.process(cancelled)).json["job_id"]
    assert (await api.post(f"/api/v1/jobs/{job_id}/cancel")).status == 200
    statuses = {number: await api.ended(number) for number in (done, failing, cancelled)}
    statuses[registered] = await api.status(registered)
    found = [statuses[number]["status"] for number in (done, failing, registered, cancelled)]
    assert found == ["completed", "failed", "pending", "cancelled"]
    return statuses


async def test_a_case_in_the_list_says_what_its_status_says(api: Api, portal: Portal, supply: Iterator[str]) -> None:
    statuses = await settled_cases(api, portal, supply)
    empty = next(supply)
    await request(api, portal, empty)
    statuses[empty] = await api.ended(empty)

    items = {item["process_number"]: item for page in await pages(api, "/api/v1/processes") for item in page}

    for number, status in statuses.items():
        assert items[number]["status"] == status["status"]
        assert items[number]["total_documents"] == status["total_documents"]
    assert statuses[empty]["status"] == "completed"


async def test_the_filter_for_a_status_answers_those_that_have_it(
    api: Api, portal: Portal, supply: Iterator[str]
) -> None:
    statuses = await settled_cases(api, portal, supply)

    for status in ("pending", "processing", "completed", "failed", "cancelled"):
        found = set(await numbers_of(api, status=status))
        assert found & set(statuses) == {number for number, each in statuses.items() if each["status"] == status}


async def test_a_case_that_is_worked_on_is_found_by_the_status_of_its_job(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, ONE)
    await portal.fail_document(number, "*", Fault(kind=FaultKind.HANG, times=FOR_EVER))
    await api.process(number)
    status = await api.until(number, lambda status: status["status"] == "processing")

    assert number in await numbers_of(api, status="processing")
    assert number not in await numbers_of(api, status="completed")
    assert (await api.post(f"/api/v1/jobs/{status['job_id']}/cancel")).status == 200
    assert number in await numbers_of(api, status="cancelled")
    assert number not in await numbers_of(api, status="processing")


async def test_the_filters_for_the_court_and_for_documents(api: Api, portal: Portal, supply: Iterator[str]) -> None:
    full, empty = next(supply), next(supply)
    court = (await request(api, portal, full, ONE, auto_download="false"))["court"]
    await request(api, portal, empty, auto_download="false")

    assert {full, empty} <= set(await numbers_of(api, court=court))
    assert await numbers_of(api, court="no such court") == []
    assert full in await numbers_of(api, has_documents="true")
    assert full not in await numbers_of(api, has_documents="false")
    assert empty in await numbers_of(api, has_documents="false")


async def test_what_changed_since_a_moment_comes_in_the_order_of_the_changes(
    api: Api, portal: Portal, supply: Iterator[str]
) -> None:
    first, second = next(supply), next(supply)
    await request(api, portal, first, ONE)
    await request(api, portal, second, ONE)
    await api.ended(first)
    await api.ended(second)
    since = next(
        item["updated_at"]
        for page in await pages(api, "/api/v1/processes")
        for item in page
        if item["process_number"] == second
    )
    await portal.put_documents(first, ONE, ONE)
    await api.process(first, force_refresh="true")
    await api.ended(first)

    found = [item for page in await pages(api, "/api/v1/processes", updated_since=since, limit=1) for item in page]

    changes = [item["updated_at"] for item in found]
    assert changes == sorted(changes)
    assert [item["process_number"] for item in found if item["process_number"] in {first, second}] == [second, first]


async def test_pages_of_cases_stay_whole_while_cases_arrive(api: Api, portal: Portal, supply: Iterator[str]) -> None:
    before = [next(supply) for _ in range(6)]
    for number in before:
        await request(api, portal, number, auto_download="false")
    seen, cursor = [], None
    for _ in range(4):
        await request(api, portal, next(supply), auto_download="false")
        answer = await api.get("/api/v1/processes", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [item["process_number"] for item in answer.json["items"]]
        cursor = answer.json["next_cursor"]

    # The first page starts at the rows of that time; nothing moves from there on.
    assert seen[1:7] == before[::-1]


async def test_files_come_in_pages_in_the_order_of_the_file_while_documents_arrive(
    api: Api, portal: Portal, number: str
) -> None:
    await request(api, portal, number, DocumentSpec(count=5))
    status = await api.ended(number)
    path = f"/api/v1/processes/{number}/files"
    first = await api.get(path, limit=2)
    await portal.put_documents(number, DocumentSpec(count=7))
    await api.process(number, force_refresh="true")
    await api.ended(number)
    rest = await pages(api, path, limit=2, cursor=first.json["next_cursor"])

    known = [document["id"] for document in status["documents"]]
    seen = [item["id"] for item in first.json["items"]] + [item["id"] for page in rest for item in page]
    assert [each for each in seen if each in known] == known
    assert len(seen) == len(set(seen))
    content, _ = await api.download(first.json["items"][0]["download_url"])
    assert len(content) == first.json["items"][0]["size"]


@pytest.mark.parametrize(
    "dropped", [range(3, 4), range(2, 5), range(4), range(3, 8)], ids=["last", "around", "all seen", "from the last on"]
)
@pytest.mark.parametrize("limit", [1, 4])
async def test_what_a_refresh_drops_hides_no_other_file(
    api: Api, portal: Portal, number: str, limit: int, dropped: range
) -> None:
    names = [f"Documento {place}" for place in range(9)]
    specs = [DocumentSpec(name=name, origin_id=str(1000 + place)) for place, name in enumerate(names)]
    await request(api, portal, number, *specs, auto_download="false")
    path = f"/api/v1/processes/{number}/files"
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while len(seen) < 4:
        answer = await api.get(path, limit=limit, **cursor)
        seen += [item["name"] for item in answer.json["items"]]
        cursor = {"cursor": answer.json["next_cursor"]}
    left = [spec for place, spec in enumerate(specs) if place not in dropped]
    await portal.put_documents(number, *left)
    await api.process(number, auto_download="false", force_refresh="true")

    rest = await pages(api, path, limit=limit, **cursor)

    assert seen == names[:4]
    assert [item["name"] for page in rest for item in page] == [spec.name for spec in left if spec.name not in seen]


async def test_the_files_of_a_case_that_nobody_requested_are_not_found(api: Api, number: str) -> None:
    answer = await api.get(f"/api/v1/processes/{number}/files")

    assert (answer.status, answer.json["code"]) == (404, "process_not_found")


async def test_jobs_are_listed_to_those_who_asked_for_them(
    api: Api, other_client: Api, portal: Portal, supply: Iterator[str]
) -> None:
    mine, shared = next(supply), next(supply)
    await request(api, portal, mine, ONE)
    await portal.put_documents(shared, ONE)
    await portal.fail_document(shared, "*", Fault(kind=FaultKind.HANG, times=FOR_EVER))
    job_id = (await api.process(shared)).json["job_id"]
    joined = await other_client.process(shared)

    async def listed(client: Api, **parameters: Any) -> list[Any]:
        return [item for page in await pages(client, "/api/v1/jobs", limit=3, **parameters) for item in page]

    assert joined.json["job_id"] == job_id
    assert {mine, shared} <= {job["process_number"] for job in await listed(api)}
    theirs = await listed(other_client)
    assert shared in {job["process_number"] for job in theirs}
    assert mine not in {job["process_number"] for job in theirs}
    assert [job["id"] for job in await listed(api, process_number=shared)] == [job_id]
    assert (await other_client.get(f"/api/v1/jobs/{job_id}")).status == 200
    assert (await api.post(f"/api/v1/jobs/{job_id}/cancel")).json["status"] == "cancelled"
    assert job_id in {job["id"] for job in await listed(api, status="cancelled")}


async def test_an_ended_job_keeps_its_figures_when_a_later_one_takes_its_documents(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(count=3))
    await portal.fail_document(number, "*", Fault(kind=FaultKind.NOT_FOUND_404, times=1))
    await api.process(number)
    first = (await api.ended(number))["job_id"]
    before = (await api.get(f"/api/v1/jobs/{first}")).json
    await api.process(number)
    await api.ended(number)

    assert (await api.get(f"/api/v1/jobs/{first}")).json == before
    assert before["total_documents"] == 3


@pytest.mark.parametrize("path", ["/api/v1/processes", "/api/v1/jobs"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "201"), ("limit", "1e2"), ("cursor", "x"), ("cursor", "W10="), ("status", "null")],
)
async def test_a_malformed_parameter_is_named(api: Api, path: str, name: str, value: str) -> None:
    parameters: dict[str, Any] = {name: value}

    answer = await api.get(path, **parameters)

    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert [error["field"] for error in answer.json["errors"]] == [name]


async def test_a_parameter_that_is_given_twice_is_refused(api: Api) -> None:
    answer = await api.get("/api/v1/jobs?limit=1&limit=2")

    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "limit")
