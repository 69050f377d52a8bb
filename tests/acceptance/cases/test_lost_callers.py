"""Callers with a wrong path or number: each response says what to do."""

import pytest

from service.domain.version import VERSION
from tests.support.http.api import Api
from tests.support.numbers import with_check_digits

NUMBER = "0000123-06.2023.4.03.6100"
UNKNOWN = with_check_digits("7777777", "1987", "826", "9998")


@pytest.mark.parametrize(
    "path",
    [
        "/docs/",
        "/health/ready/",
        "/api/v1/processes/",
        f"/api/v1/processes/{NUMBER}/",
        f"/api/v1/processes/{NUMBER}/status//",
    ],
)
async def test_a_slash_too_many_is_named(api: Api, path: str) -> None:
    answer = await api.get(path)

    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert answer.json["detail"] == "There is nothing at this path. Leave out the slash at its end."


@pytest.mark.parametrize(
    "path", ["/api", "/api/v1", "/api/v1/cases", "/api/v2/processes", "/docs/assets/nothing", "//"]
)
async def test_a_path_that_is_none_leads_to_those_that_are(api: Api, path: str) -> None:
    answer = await api.get(path)

    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert "`GET /openapi.json` names every path" in answer.json["detail"]


async def test_a_method_that_a_path_has_not_leads_to_those_that_it_has(api: Api) -> None:
    answer = await api.post("/api/v1/users/me")

    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.json["detail"].endswith(f" It has {answer.headers['Allow']}.")
    assert "GET" in answer.headers["Allow"]


async def test_the_root_leads_to_the_documentation(api: Api) -> None:
    for_programs = await api.with_key(None).get("/")
    for_people = await api.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert (for_programs.json["name"], for_programs.json["version"]) == ("Autos", VERSION)
    assert [for_programs.json[each].rpartition("/")[2] for each in ("docs", "openapi")] == ["docs", "openapi.json"]
    assert (for_people.status, for_people.headers["Location"]) == (307, "console")


async def test_white_space_around_a_number_is_no_mistake(api: Api) -> None:
    # The case was not requested, so the number was understood.
    for written in (f"{UNKNOWN}%20", f"%20{UNKNOWN}", f"{UNKNOWN}%0A"):
        answer = await api.get(f"/api/v1/processes/{written}/status")

        assert (answer.status, answer.json["code"]) == (404, "process_not_found")
