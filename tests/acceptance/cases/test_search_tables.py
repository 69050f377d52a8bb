"""Searches whose numbers come as a table, over HTTP."""

import csv
import io
from collections.abc import Iterator

import pytest

from service.local.simulator import DocumentSpec
from tests.support.http.api import Answer, Api
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

SEARCH = "/api/v1/processes/search"
BAD = "0000123-07.2023.4.03.6100"


async def send(api: Api, body: str | bytes, *, query: str = "?auto_download=false", **headers: str) -> Answer:
    content = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.post(SEARCH + query, content, headers={"Content-Type": "text/csv"} | named)


def rows(answer: Answer, delimiter: str = ",") -> list[dict[str, str]]:
    assert answer.status == 200, answer
    text = io.StringIO(answer.json.decode("utf-8-sig"), newline="")
    return list(csv.DictReader(text, delimiter=delimiter))


async def test_a_table_is_answered_by_a_table_row_by_row(api: Api, portal: Portal, supply: Iterator[str]) -> None:
    known, unknown = next(supply), next(supply)
    await portal.put_documents(known, DocumentSpec())

    answer = await send(api, f"\ufeffNúmero;Cliente\r\n{known};Maria\r\n{BAD};João\r\n\r\n{unknown};José\r\n")

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.json.startswith(b"\xef\xbb\xbfprocess_number;status;job_id;")
    found = rows(answer, ";")
    assert [each["process_number"] for each in found] == [known, BAD, unknown]
    assert [each["code"] for each in found] == ["", "invalid_process_number", "process_not_found"]
    assert [each["status"] for each in found] == ["pending", "", ""]
    assert (found[0]["total_documents"], found[0]["job_id"]) == ("1", "")
    assert found[1]["message"].endswith(".")


async def test_a_table_starts_downloads_and_calls_the_webhook_of_the_query(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec())
    url = subscriber.url(f"/{number}")

    [row] = rows(await send(api, f"{number}\n", query=f"?webhook_url={url}"))

    assert row["job_id"]
    [received] = await subscriber.wait_for(f"/{number}")
    assert received.json["job_id"] == row["job_id"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json", "application/json"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("text/csv, application/json;q=0.9", "text/csv"),
        ("text/csv, application/json", "text/csv"),
        ("text/*;q=0.2, */*;q=0.1", "text/csv"),
        ("*/*", "text/csv"),
        ("image/png", "text/csv"),
        ("application/json;q=x", "application/json"),
    ],
)
async def test_accept_chooses_between_a_table_and_json(api: Api, accept: str, media_type: str) -> None:
    answer = await send(api, BAD, Accept=accept)

    assert answer.headers["Content-Type"].partition(";")[0] == media_type
    if media_type == "application/json":
        assert answer.json["items"][0]["problem"]["code"] == "invalid_process_number"


async def test_what_was_given_is_not_run_as_a_formula(api: Api) -> None:
    _, row = rows(await send(api, f"{BAD}\n=HYPERLINK(1)\n"))

    assert row["process_number"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
async def test_what_spreadsheets_write_is_read(api: Api, number: str, encoding: str) -> None:
    answer = await send(api, f"Número\t“Observação”\r\n{BAD}\tção\r\n".encode(encoding))

    assert [row["process_number"] for row in rows(answer, "\t")] == [BAD]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "process_numbers"),
        ("Número\n", "process_numbers"),
        ("\n".join(["1"] * 1001), "process_numbers"),
        (f'{BAD};"open', ""),
        ('{"process_numbers": ["' + BAD + '"]}', ""),
    ],
)
async def test_a_table_without_numbers_or_with_too_many_is_refused(api: Api, body: str, field: str) -> None:
    answer = await send(api, body)

    assert (answer.status, answer.json["code"]) == (400, "invalid_body")
    assert [error["field"] for error in answer.json["errors"]] == [field]


async def test_a_thousand_numbers_are_accepted(api: Api) -> None:
    assert len(rows(await send(api, "\n".join(["1"] * 1000)))) == 1000


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?webhook_url=ftp://x", "invalid_webhook_url"),
        ("?auto_download=maybe", "invalid_parameter"),
        ("?webhok_url=https://hooks.example.com/", "unknown_parameter"),
    ],
)
async def test_a_bad_parameter_of_a_table_is_refused(api: Api, query: str, code: str) -> None:
    answer = await send(api, BAD, query=query)

    assert (answer.status, answer.json["code"]) == (400, code)


async def test_the_query_comes_before_a_json_body(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec())

    answer = await api.post(f"{SEARCH}?auto_download=false", {"process_numbers": [number], "auto_download": True})
    refused = await api.post(f"{SEARCH}?webhook_url=ftp://x", {"process_numbers": [number]})

    assert answer.json["items"][0]["process"]["job_id"] is None
    assert (refused.status, refused.json["code"]) == (400, "invalid_webhook_url")


async def test_a_body_that_is_neither_is_refused(api: Api) -> None:
    answer = await send(api, BAD, Content_Type="application/xml")

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


async def test_other_operations_take_no_table(api: Api, number: str) -> None:
    headers = {"Content-Type": "text/csv"}

    answer = await api.post(f"/api/v1/processes/{number}/download-all-documents", b"force\ntrue\n", headers=headers)

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
