"""Which addresses of documents lead into the portal's API, and which are refused."""

import pytest
from yarl import URL

from service.portal.addresses import resolve
from service.portal.errors import AddressRefused

BASE = URL("https://portal.example/api/v2")
DOCUMENT = "processos/0000001-39.2024.8.26.0100/documentos/a1b2/binario"


@pytest.mark.parametrize(
    "href",
    [
        f"/{DOCUMENT}",
        DOCUMENT,
        f"/api/v2/{DOCUMENT}",
        f"api/v2/{DOCUMENT}",
        f"https://portal.example/api/v2/{DOCUMENT}",
        f"https://portal.example:443/api/v2/{DOCUMENT}",
        f"HTTPS://PORTAL.EXAMPLE/api/v2/{DOCUMENT}",
        f"  /{DOCUMENT}\n",
        f"\t{DOCUMENT} ",
        f" https://portal.example/api/v2/{DOCUMENT} ",
    ],
)
def test_one_document_has_addresses_of_many_forms(href: str) -> None:
    assert str(resolve(BASE, href)) == f"https://portal.example/api/v2/{DOCUMENT}"


@pytest.mark.parametrize("href", [f"/{DOCUMENT}", DOCUMENT, f"https://portal.example/{DOCUMENT}"])
def test_a_portal_without_a_path_has_its_api_at_the_root(href: str) -> None:
    assert resolve(URL("https://portal.example"), href) == URL(f"https://portal.example/{DOCUMENT}")


def test_a_query_stays() -> None:
    assert str(resolve(BASE, "/api/v2/processos/x?a=%2F")) == "https://portal.example/api/v2/processos/x?a=/"


@pytest.mark.parametrize(
    "href",
    [
        "",
        " ",
        "x",
        "?x",
        "#x",
        "//evil.example/api/v2/processos/x",
        " //evil.example/api/v2/processos/x",
        "//portal.example/api/v2/processos/x",
        "\\\\evil.example\\api",
        "\\/evil.example/api/v2/processos/x",
        "portal.example/api/v2/processos/x",
        "@evil.example/processos/x",
        "evil.example/processos/x",
        "processos",
        "api/v2",
        "api/v3/processos/x",
        "api/v22/processos/x",
        "documentos/x",
        "https:processos/x",
        "https:/api/v2/processos/x",
        "https://portal.example/processos/x",
        "https://portal.example/api/v22/processos/x",
        "https://portal.example/api/v2",
        "https://portal.example./api/v2/processos/x",
        "https://portal.example:8443/api/v2/processos/x",
        "http://portal.example/api/v2/processos/x",
        "https://user@portal.example/api/v2/processos/x",
        "https://user:secret@portal.example/api/v2/processos/x",
        "https://:secret@portal.example/api/v2/processos/x",
        "https://portal.example@evil.example/api/v2/processos/x",
        "https://portal.example:secret@evil.example/api/v2/processos/x",
        "https://portal.example\\@evil.example/api/v2/processos/x",
        "https://portal.example%2f@evil.example/api/v2/processos/x",
        "https://evil.example#@portal.example/api/v2/processos/x",
        "https://[::1/api/v2/processos/x",
        "/api/v2/../../x",
        "/api/v2/../x",
        "api/v2/../../x",
        "processos/../../x",
        "processos/../../../x",
        "/processos/../../x",
        "/../x",
        "/%2e%2e/x",
        "/api/v2/%2e%2e/%2E%2E/x",
        "/api/v2/..%2f..%2fx",
        "processos/..%2f..%2f..%2fx",
        "api/v2/.%2e/x",
        "javascript:processos/x",
    ],
)
def test_what_leads_elsewhere_is_refused(href: str) -> None:
    with pytest.raises(AddressRefused):
        resolve(BASE, href)


@pytest.mark.parametrize("href", ["/\\evil.example/x", "/@evil.example/x", "/processos/x@evil.example:1/y", "/a//b"])
def test_what_only_looks_like_another_host_stays_on_the_portal(href: str) -> None:
    url = resolve(BASE, href)

    assert (url.origin(), url.user, url.path.startswith("/api/v2/")) == (URL("https://portal.example"), None, True)
