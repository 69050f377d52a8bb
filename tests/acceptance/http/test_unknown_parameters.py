"""Misspelt parameters and members are refused by name: nothing that a client asked for is ignored."""

from typing import Any

import pytest

from tests.support.http.api import Answer, Api


def fields(answer: Answer) -> list[str]:
    assert (answer.status, answer.json["code"]) == (400, "unknown_parameter"), answer
    return [error["field"] for error in answer.json["errors"]]


@pytest.mark.parametrize("end", ["", "/status", "/files", "/events", "/archive"])
async def test_a_parameter_that_an_operation_has_not_is_refused(api: Api, number: str, end: str) -> None:
    path = f"/api/v1/processes/{number}{end}"

    answer = await api.get(path, webhook="https://hooks.example.com/", Limit2="1")

    assert fields(answer) == ["webhook", "Limit2"]
    assert (await api.get(f"/api/v1/processes/{number}/status")).status == 404  # nothing was begun


async def test_the_name_that_was_meant_is_told(api: Api, number: str) -> None:
    answer = await api.process(number, webhook="https://hooks.example.com/")

    assert answer.json["errors"][0]["message"] == "There is no such parameter. Did you mean webhook_url?"


@pytest.mark.parametrize(
    ("end", "body"),
    [
        ("processes/search", {"process_numbers": ["1"], "webhok_url": "https://hooks.example.com/"}),
        ("processes/{}/download-all-documents", {"webhok_url": "https://hooks.example.com/"}),
        ("processes/{}/download-documents", {"webhok_url": "https://hooks.example.com/"}),
        ("webhooks/secret/rotate", {"webhok_url": "x"}),
        ("users", {"name": "somebody", "webhok_url": "x"}),
    ],
)
async def test_a_member_that_an_operation_has_not_is_refused(
    api: Api, number: str, end: str, body: dict[str, Any]
) -> None:
    assert fields(await api.post(f"/api/v1/{end.format(number)}", body)) == ["webhok_url"]


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"no JSON"])
async def test_a_body_without_members_is_taken_where_none_is_needed(api: Api, body: bytes) -> None:
    assert (await api.post("/api/v1/webhooks/secret/rotate", body)).status == 200


async def test_probes_and_receivers_take_any_parameter(api: Api) -> None:
    answer = await api.post("/api/v1/webhooks/webhook-test-receiver?_=1", {"event": "x", "process_number": "1"})

    assert (await api.get("/health/live?_=1")).status == 200
    assert answer.status == 200
