"""Who may open each page and send each form. A route that is not in the table fails the test."""

from collections.abc import Mapping

from service.api.framework.operations import Access
from service.console.framework.declarations import ConsoleRoute
from service.console.routes import CONSOLE_ROUTES
from tests.support.http.api import Api
from tests.support.http.browser import Browser

NOBODY = "00000000-0000-4000-8000-000000000000"
NUMBER = "0000123-06.2023.4.03.6100"
PUBLIC, USER, ADMIN = Access.PUBLIC, Access.USER, Access.ADMIN

THE_TABLE: Mapping[str, Access] = {
    "GET /console": USER,
    "GET /console/login": PUBLIC,
    "POST /console/login": PUBLIC,
    "POST /console/logout": PUBLIC,
    "GET /console/preferences": PUBLIC,
    "GET /console/keys": USER,
    "POST /console/keys": USER,
    "POST /console/keys/{key_id}/revoke": USER,
    "GET /console/users": ADMIN,
    "POST /console/users": ADMIN,
    "GET /console/users/{user_id}": ADMIN,
    "POST /console/users/{user_id}/delete": ADMIN,
    "POST /console/users/{user_id}/keys": ADMIN,
    "POST /console/users/{user_id}/keys/{key_id}/revoke": ADMIN,
    # Every user sees cases and documents.
    "GET /console/cases": USER,
    "POST /console/cases": USER,
    "GET /console/cases/{number}": USER,
    "GET /console/cases/{number}/movements": USER,
    "GET /console/cases/{number}/parties": USER,
    "GET /console/cases/{number}/jobs": USER,
    "GET /console/cases/{number}/webhooks": USER,
    "GET /console/cases/{number}/events": USER,
    "GET /console/cases/{number}/archive": USER,
    "GET /console/cases/{number}/documents/{document_id}": USER,
    "POST /console/cases/{number}/documents/{document_id}/download": USER,
    "POST /console/cases/{number}/refresh": USER,
    "POST /console/cases/{number}/retry": USER,
    "POST /console/cases/{number}/watch": USER,
    "POST /console/cases/{number}/unwatch": USER,
    "POST /console/cases/{number}/check": USER,
    "GET /console/monitors": USER,
    # Users see their own jobs and deliveries: what is somebody else's is not there.
    "GET /console/jobs": USER,
    "POST /console/jobs/{job_id}/cancel": USER,
    "GET /console/webhooks": USER,
    "GET /console/webhooks/deliveries/{delivery_id}": USER,
    "POST /console/webhooks/deliveries/{delivery_id}/resend": USER,
    "POST /console/webhooks/deliveries/{delivery_id}/cancel": USER,
    "GET /console/webhooks/recover": USER,
    "POST /console/webhooks/recover": USER,
    "GET /console/webhooks/secret": USER,
    "POST /console/webhooks/secret/rotate": USER,
    "GET /console/webhooks/test": USER,
    "POST /console/webhooks/test": USER,
    "GET /console/webhooks/endpoints": USER,
    "POST /console/webhooks/endpoints": USER,
    "GET /console/webhooks/endpoints/{endpoint_id}": USER,
    "POST /console/webhooks/endpoints/{endpoint_id}/switch": USER,
    "POST /console/webhooks/endpoints/{endpoint_id}/delete": USER,
    "POST /console/webhooks/endpoints/{endpoint_id}/rotate": USER,
    "POST /console/webhooks/endpoints/{endpoint_id}/test": USER,
    "GET /console/cases/{number}/shares": USER,
    "POST /console/cases/{number}/shares": USER,
    "POST /console/shares/{share_id}/revoke": USER,
    "GET /console/shared": PUBLIC,
    "POST /console/shared": PUBLIC,
    "GET /console/shared/{share_id}": PUBLIC,
    "GET /console/shared/{share_id}/archive": PUBLIC,
    "GET /console/shared/{share_id}/documents/{document_id}": PUBLIC,
}


class Nobody(dict[str, str]):
    """Parameters of a path, of which nothing exists."""

    def __missing__(self, key: str) -> str:
        return NUMBER if key == "number" else NOBODY


def routes() -> dict[str, Access]:
    found = [each for each in CONSOLE_ROUTES if isinstance(each, ConsoleRoute)]
    return {f"{method} {each.path}": declared.access for each in found for method, declared in each.declared.items()}


def test_every_page_and_form_is_in_the_table() -> None:
    assert routes() == THE_TABLE


async def ask(browser: Browser, name: str) -> int:
    method, path = name.split(" ")
    target = path.format_map(Nobody())
    return (await (browser.get(target) if method == "GET" else browser.post(target))).status


async def test_nobody_gets_beyond_the_log_in(api: Api) -> None:
    for name, access in THE_TABLE.items():
        method, path = name.split(" ")
        target = path.format_map(Nobody())
        browser = Browser.of(api)
        seen = await (browser.get(target) if method == "GET" else browser.post(target))
        if access is not PUBLIC:
            assert (name, seen.status, seen.location.partition("?")[0]) == (name, 303, "/console/login")


async def test_users_get_nothing_of_what_is_for_administrators(browser: Browser) -> None:
    for name, access in THE_TABLE.items():
        if access is ADMIN:
            assert (name, await ask(browser, name)) == (name, 403)
