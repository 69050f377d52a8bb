"""Cookies in production, where forms may come from, and where redirects may lead."""

import pytest
from starlette.responses import Response

from service.console.framework.cookies import Cookies
from service.console.framework.errors import error_page
from service.console.framework.local_paths import local_path
from service.console.framework.origins import check_origin
from service.console.framework.refusal import Refusal
from service.http.problems import CATALOGUE, Problem
from tests.support.console.visits import visit_of

PUBLIC = "https://autos.example.com/court"


def test_in_production_no_other_host_can_set_a_cookie() -> None:
    cookies = Cookies({"autos_session": "of-development", "__Host-autos_session": "ours"}, is_secure=True)
    cookies.begin_session("new")
    response = Response()
    cookies.write(response)

    assert cookies.session == "ours"
    written = response.headers["set-cookie"]
    assert written.startswith("__Host-autos_session=new;")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(written.split("; "))


def test_a_secret_is_handed_over_once() -> None:
    cookies = Cookies({"autos_once": "a-key"}, is_secure=False)

    assert cookies.take_handed_over() == "a-key"
    response = Response()
    cookies.write(response)
    assert "Max-Age=0" in response.headers["set-cookie"]


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        ({}, True),
        ({"Origin": "https://autos.example.com"}, True),
        ({"Origin": "https://127.0.0.1:8000"}, True),
        ({"Origin": "http://127.0.0.1:8000"}, False),
        ({"Origin": "https://autos.example.com.evil.example"}, False),
        ({"Origin": "https://autos.example.com:8443"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://autos.example.com"}, False),
        ({"Sec-Fetch-Site": ""}, False),
    ],
    ids=str,
)
def test_a_form_is_taken_from_this_service_only(headers: dict[str, str], is_allowed: bool) -> None:
    visit = visit_of(headers=headers, production=True, public_url=PUBLIC)
    if is_allowed:
        check_origin(visit.request)
        return
    with pytest.raises(Refusal):
        check_origin(visit.request)


def test_links_keep_the_prefix_of_a_proxy() -> None:
    visit = visit_of(public_url=PUBLIC)

    assert visit.href("/console/keys") == "/court/console/keys"
    assert (
        visit.href("/console", next="/console/keys?a=b&c", empty=None)
        == "/court/console?next=%2Fconsole%2Fkeys%3Fa%3Db%26c"
    )


@pytest.mark.parametrize(
    ("given", "is_local"),
    [
        ("/console", True),
        ("/console/cases/0000123-06.2023.4.03.6100?status=failed&cursor=a%3D%3D", True),
        ("/console/login", False),
        ("/consolex", False),
        ("//console", False),
        ("/console/../docs", False),
        ("/console?next=//evil.example", False),
        ("/console\n", False),
        ("/console/" + "a" * 3000, False),
        ("", False),
    ],
)
def test_a_redirect_leads_to_a_page_of_the_console(given: str, is_local: bool) -> None:
    assert (local_path(given) == given) is is_local


@pytest.mark.parametrize("code", CATALOGUE)
@pytest.mark.parametrize("language", ["pt-BR", "en"])
def test_every_problem_has_a_page_that_says_what_to_do(code: str, language: str) -> None:
    visit = visit_of(role=None, headers={"Accept-Language": language})
    response = error_page(visit, Problem(code, "a sentence for programs", headers={"Retry-After": "70"}))

    page = bytes(response.body).decode()
    assert response.status_code == CATALOGUE[code][0]
    assert "<h1>" in page
    assert "a-request" in page
    assert "a sentence for programs" not in page
