"""Contents of every kind through the whole service: what a client gets of them, and what it never gets."""

import hashlib
from typing import Any

import pytest
from msgspec.structs import replace

from service.local.simulator import FOR_EVER, CaseSpec, DocumentSpec, Fault, FaultKind, Kind
from tests.support.contents import DOCX, DOCX_TYPE, PDF, SIGNED
from tests.support.http.api import Api
from tests.support.portal import Portal

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

MESSAGES = b'{"mensagens":[{"de":"Ana","texto":"oi"}]}'
SIGNATURE = "application/pkcs7-signature"


def other_body(body: bytes, media_type: str) -> Fault:
    """Let the document have these bytes."""
    return Fault(kind=FaultKind.OTHER_BODY, times=FOR_EVER, body=body, media_type=media_type)


async def fetched(api: Api, portal: Portal, number: str, contents: dict[str, tuple[DocumentSpec, Fault]]) -> Any:
    """Download a case whose documents have different contents, and return them by name."""
    specs = (DocumentSpec(name=name, origin_id=f"o{n}", declared=False) for n, name in enumerate(contents))
    given = [spec for spec, _ in contents.values()]
    await portal.put_documents(number, *(_named(spec, base) for spec, base in zip(given, specs, strict=True)))
    for place, (_, fault) in enumerate(contents.values()):
        await portal.fail_document(number, f"o{place}", fault)
    await api.process(number)
    return {document["name"]: document for document in (await api.ended(number))["documents"]}


def _named(spec: DocumentSpec, base: DocumentSpec) -> DocumentSpec:
    return DocumentSpec(
        name=base.name,
        origin_id=base.origin_id,
        kind=spec.kind,
        size=spec.size,
        declared=spec.declared,
        declared_size=spec.declared_size,
    )


UNLISTED = DocumentSpec(declared=False)


async def test_contents_are_called_what_they_are(api: Api, portal: Portal, number: str) -> None:
    documents = await fetched(
        api,
        portal,
        number,
        {
            "minuta.docx": (UNLISTED, other_body(DOCX, DOCX_TYPE)),
            "minuta": (UNLISTED, other_body(DOCX, "application/octet-stream")),
            "assinatura.p7s": (UNLISTED, other_body(SIGNED, "application/octet-stream")),
            "conversa.json": (UNLISTED, other_body(MESSAGES, "application/json")),
            "laudo": (UNLISTED, other_body(b"<?xpacket begin=''?>\n" + PDF, "application/pdf")),
        },
    )

    assert {name: each["mime_type"] for name, each in documents.items()} == {
        "minuta.docx": DOCX_TYPE,
        "minuta": DOCX_TYPE,
        "assinatura.p7s": SIGNATURE,
        "conversa.json": "application/json",
        "laudo": "application/pdf",
    }
    assert {each["status"] for each in documents.values()} == {"available"}
    body, headers = await api.download(documents["assinatura.p7s"]["download_url"])
    assert (body, headers["Content-Type"]) == (SIGNED, SIGNATURE)
    assert 'filename="assinatura.p7s"' in headers["Content-Disposition"]


async def test_the_charset_of_a_text_is_told_and_its_bytes_are_left_alone(
    api: Api, portal: Portal, number: str
) -> None:
    html = "<div><meta charset='ISO-8859-1'><p>Petição</p></div>".encode()
    hostile = 'text/html; charset=utf-8" x="'
    documents = await fetched(
        api,
        portal,
        number,
        {
            "html": (UNLISTED, other_body(html, "text/html;charset=UTF-8")),
            "quoted": (UNLISTED, other_body(html, 'text/html; charset="windows-1252"')),
            "hostile": (UNLISTED, other_body(html, hostile)),
            "pdf": (UNLISTED, other_body(PDF, "application/pdf; charset=UTF-8")),
            "long": (DocumentSpec(size=9_000_000, kind=Kind.HTML), Fault(kind=FaultKind.NO_CONTENT_LENGTH)),
        },
    )

    assert {name: (each["mime_type"], each["charset"]) for name, each in documents.items()} == {
        "html": ("text/html", "UTF-8"),
        "quoted": ("text/html", "windows-1252"),
        "hostile": ("text/html", None),
        "pdf": ("application/pdf", None),
        "long": ("text/html", None),
    }
    headers = {}
    for name, each in documents.items():
        body, answered = await api.download(each["download_url"])
        headers[name] = answered["Content-Type"]
        assert hashlib.sha256(body).hexdigest() == each["sha256"]
    assert headers == {
        "html": "text/html; charset=UTF-8",
        "quoted": "text/html; charset=windows-1252",
        "hostile": "text/html",
        "pdf": "application/pdf",
        "long": "text/html",
    }


async def test_pages_and_errors_are_never_available(api: Api, portal: Portal, number: str) -> None:
    page = b"<html><head><title>503 Service Unavailable</title></head><body>x</body></html>"
    rejected = Fault(kind=FaultKind.REJECTED_PAGE, times=FOR_EVER)
    store = other_body(b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "application/xml")
    documents = await fetched(
        api,
        portal,
        number,
        {
            "Sentença": (UNLISTED, rejected),
            "Decisão": (DocumentSpec(kind=Kind.HTML), rejected),
            "foto.jpg": (UNLISTED, store),
            "Petição": (UNLISTED, other_body(page, "text/html")),
            "Laudo": (UNLISTED, other_body(b'["Erro"]', "application/json")),
        },
    )

    assert {name: each["error_code"] for name, each in documents.items()} == {
        "Sentença": "portal_page",
        "Decisão": "portal_page",
        "foto.jpg": "portal_answer_invalid",
        "Petição": "portal_page",
        "Laudo": "portal_answer_invalid",
    }


async def test_what_the_court_has_is_available_beside_what_is_listed(api: Api, portal: Portal, number: str) -> None:
    html = b"<div>" + b"<p>Vistos, etc.</p>" * 200 + b"</div>"
    documents = await fetched(
        api,
        portal,
        number,
        {
            "html": (DocumentSpec(declared_size=len(html)), other_body(html, "application/pdf")),
            "html of another size": (DocumentSpec(), other_body(html, "text/html")),
            "pdf": (DocumentSpec(kind=Kind.HTML, declared_size=len(PDF)), other_body(PDF, "text/html")),
            "empty": (DocumentSpec(declared_size=0), other_body(b"", "application/pdf")),
            "empty and unlisted": (UNLISTED, other_body(b"", "text/html")),
            "promised": (DocumentSpec(), other_body(b"", "application/pdf")),
        },
    )

    assert documents.pop("promised")["error_code"] == "empty_document"
    assert {each["status"] for each in documents.values()} == {"available"}
    assert {name: (each["mime_type"], each["listed_mime_type"]) for name, each in documents.items()} == {
        "html": ("text/html", "application/pdf"),
        "html of another size": ("text/html", "application/pdf"),
        "pdf": ("application/pdf", "text/html"),
        "empty": ("application/octet-stream", "application/pdf"),
        "empty and unlisted": ("application/octet-stream", None),
    }
    assert {name: each["content_flags"] for name, each in documents.items()} == {
        "html": ["type_mismatch"],
        "html of another size": ["size_mismatch", "type_mismatch"],
        "pdf": ["type_mismatch"],
        "empty": ["empty"],
        "empty and unlisted": ["empty"],
    }
    assert [each["size"] for each in documents.values()] == [len(html), len(html), len(PDF), 0, 0]
    body, headers = await api.download(documents["empty"]["download_url"])
    assert (body, headers["Content-Length"]) == (b"", "0")


async def test_a_compressed_document_is_stored_as_what_it_is_and_never_in_part(
    api: Api, portal: Portal, number: str
) -> None:
    gzipped = Fault(kind=FaultKind.UNASKED_GZIP, times=FOR_EVER)
    deflated = Fault(kind=FaultKind.UNASKED_GZIP, times=FOR_EVER, coding="deflate")
    brotli = Fault(kind=FaultKind.UNASKED_GZIP, times=FOR_EVER, coding="br")
    zstd = Fault(kind=FaultKind.UNASKED_GZIP, times=FOR_EVER, coding="zstd")
    cut_off = Fault(kind=FaultKind.UNASKED_GZIP, times=FOR_EVER, after_bytes=1000)
    documents = await fetched(
        api,
        portal,
        number,
        {
            "listed": (DocumentSpec(), gzipped),
            "unlisted": (UNLISTED, deflated),
            "of another size": (DocumentSpec(declared_size=7), gzipped),
            "brotli": (DocumentSpec(), brotli),
            "zstd": (UNLISTED, zstd),
            "cut off": (UNLISTED, cut_off),
        },
    )

    expected = {each["name"]: each["sha256"] for each in await portal.documents(number)}
    assert documents.pop("cut off")["error_code"] == "truncated"
    assert {name: (each["sha256"], each["size"]) for name, each in documents.items()} == {
        name: (expected[name], 20_000) for name in documents
    }
    assert documents["of another size"]["content_flags"] == ["size_mismatch"]


async def test_two_addresses_that_each_repeat_another_size_are_believed(api: Api, portal: Portal, number: str) -> None:
    await portal.put_case(number, CaseSpec(documents=(DocumentSpec(declared_size=5000),), listed_twice=True))
    first, second = (await portal.documents(number))[0]["uuids"]
    await portal.fail_document(number, first, Fault(kind=FaultKind.LONGER_THAN_DECLARED, times=FOR_EVER))
    await portal.fail_document(
        number, second, Fault(kind=FaultKind.LONGER_THAN_DECLARED, times=FOR_EVER, extra_bytes=77)
    )
    await api.process(number)

    (document,) = (await api.ended(number))["documents"]

    assert (document["status"], document["size"], document["size_mismatch"]) == ("available", 21_000, True)


async def test_a_pdf_that_is_made_anew_for_each_request_is_believed(api: Api, portal: Portal, number: str) -> None:
    await portal.put_documents(number, DocumentSpec(declared_size=12345))
    await portal.fail_document(number, "*", Fault(kind=FaultKind.MADE_ANEW, times=FOR_EVER))
    await api.process(number)

    (document,) = (await api.ended(number))["documents"]

    assert (document["status"], document["size_mismatch"]) == ("available", True)
    assert sorted(document["content_flags"]) == ["changes_each_time", "size_mismatch"]
    assert (document["size"], document["listed_size"]) == (20_000, 12345)
    body, _ = await api.download(document["download_url"])
    assert hashlib.sha256(body).hexdigest() == document["sha256"]


async def test_the_text_of_a_document_speaks_against_a_page_that_is_always_the_same(
    api: Api, portal: Portal, number: str
) -> None:
    page = "<html><title>Perímetro</title><p>Endereço em inspeção pelo administrador da rede interna.</p></html>"
    everywhere = other_body(page.encode(), "text/html")
    numbers = {"Página": 0, "Página e texto": 1, "Sem texto": 2, "Fragmento": 3}
    html = DocumentSpec(kind=Kind.HTML, declared=False)
    specs = [_named(html, DocumentSpec(name=name, origin_id=f"o{n}")) for name, n in numbers.items()]
    await portal.put_documents(number, *specs)
    for place in (0, 1, 2):
        text = {1: everywhere, 2: Fault(kind=FaultKind.CODEX_500)}.get(place)
        faults = [everywhere, *([replace(text, rendition="texto", times=FOR_EVER)] if text else [])]
        await portal.fail_document(number, f"o{place}", *faults)
    await api.process(number)

    documents = (await api.ended(number))["documents"]

    assert {each["name"]: each["error_code"] for each in documents} == {
        "Página": "portal_page",
        "Página e texto": "portal_page",
        "Sem texto": None,
        "Fragmento": None,
    }
