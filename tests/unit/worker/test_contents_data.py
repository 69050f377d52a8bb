"""JSON and XML: documents if the listing says so or the size fits, errors otherwise."""

import pytest

from service.domain.errors import ErrorCode
from tests.support.contents import HTML, OCTETS, accepted, doubted, refused
from worker.downloads.inspection import Doubted, Expected

MESSAGES = b'{"mensagens":[{"de":"Ana","texto":"oi","status":"lida"}]}'
LONG_MESSAGES = b'{"mensagens":[' + b'{"de":"Ana","texto":"oi"},' * 3000 + b"{}]}"
DATA = {
    "object": MESSAGES,
    "long": LONG_MESSAGES,
    "list": b'[{"data":"2024-01-01","valor":10}]',
    "mark": b"\xef\xbb\xbf" + MESSAGES,
    "latin-1": '{"mensagens":[{"de":"João"}]}'.encode("latin-1"),
    "utf-16": MESSAGES.decode().encode("utf-16"),
    "no error": b'{"error":null,"itens":[1]}',
}
ERRORS = {
    "portal": b'{"codigo":500,"mensagem":"Falha"}',
    "spring": b'{"timestamp":"x","status":500,"error":"Internal Server Error","path":"/x"}',
    "message": b'{"message":"Documento sigiloso"}',
    "error": b'{"error":"invalid_token"}',
    "errors": b'{"errors":[{"code":"E1"}]}',
    "list": b'[{"codigo":500}]',
    "words": b'["Erro"]',
    "word": b'"Erro interno"',
    "empty": b"{}",
    "empty list": b"[]",
    "long": b'{"timestamp":1,"status":500,"trace":"' + b"x" * 50_000 + b'"}',
    "long trace": b'{"trace":"' + b"x" * 50_000 + b'"}',
    "latin-1": '{"codigo":500,"mensagem":"Falha temporária"}'.encode("latin-1"),
    "utf-16": b'{"codigo":500}'.decode().encode("utf-16"),
    "nested": b'{"a":' + b"[" * 3000,
}
XML_ERRORS = {
    "s3": b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>x</Message></Error>',
    "azure": b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>BlobNotFound</Code></Error>',
    "no prologue": b"<Error><Code>AccessDenied</Code></Error>",
    "soap": b'<s:Envelope xmlns:s="x"><s:Body><s:Fault><faultcode>x</faultcode></s:Fault></s:Body></s:Envelope>',
    "spring": b"<Map><timestamp>1</timestamp><status>500</status></Map>",
    "ogc": b"<ServiceExceptionReport><ServiceException>x</ServiceException></ServiceExceptionReport>",
}


@pytest.mark.parametrize("body", DATA.values(), ids=DATA.keys())
@pytest.mark.parametrize(
    "expected",
    [Expected(None, "application/json"), Expected(None, "text/plain"), Expected(None, None, "conversa.json")],
)
async def test_json_is_a_document_where_the_listing_says_so(body: bytes, expected: Expected) -> None:
    assert await accepted(body, expected, "application/json") == expected.promised


@pytest.mark.parametrize("body", [*DATA.values(), *ERRORS.values()])
async def test_json_of_the_promised_size_is_a_document(body: bytes) -> None:
    assert await accepted(body, Expected(len(body), "application/json"), "application/json") == "application/json"
    assert await accepted(body, Expected(len(body), None), "application/json") == "application/json"


@pytest.mark.parametrize("body", [*DATA.values(), *ERRORS.values()])
@pytest.mark.parametrize("header", ["application/json", OCTETS])
@pytest.mark.parametrize("expected", [Expected(None, None), Expected(None, "text/html"), Expected(10**6, None)])
async def test_json_that_nothing_speaks_of_is_no_document(body: bytes, header: str, expected: Expected) -> None:
    error = await refused(body, expected, header)

    assert (error.code, isinstance(error, Doubted)) == (ErrorCode.PORTAL_ANSWER_INVALID, False)


@pytest.mark.parametrize("body", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("header", ["application/json", OCTETS])
@pytest.mark.parametrize("promised", ["application/json", "text/plain", "text/csv"])
async def test_an_error_in_json_is_no_document_whatever_is_listed(body: bytes, header: str, promised: str) -> None:
    error = await refused(body, Expected(None, promised), header)

    assert (error.code, isinstance(error, Doubted)) == (ErrorCode.PORTAL_ANSWER_INVALID, False)


@pytest.mark.parametrize("body", [b'{"status":"lida","mensagens":[{}]}', b'"Vistos."'])
async def test_json_that_is_a_little_like_an_error_has_to_come_twice(body: bytes) -> None:
    assert (await doubted(body, Expected(None, "application/json"), "application/json"))[1] == "application/json"


@pytest.mark.parametrize("body", XML_ERRORS.values(), ids=XML_ERRORS.keys())
@pytest.mark.parametrize("promised", [None, "text/html", "text/plain", "application/xml"])
async def test_an_error_in_xml_is_no_document(body: bytes, promised: str | None) -> None:
    error = await refused(body, Expected(None, promised), "application/xml")

    assert (error.code, isinstance(error, Doubted)) == (ErrorCode.PORTAL_ANSWER_INVALID, False)


@pytest.mark.parametrize(
    ("body", "promised", "header", "expected"),
    [
        (b'<nfeProc xmlns="http://x"><NFe/></nfeProc>', None, OCTETS, "application/xml"),
        (b"<pedido><item/></pedido>", None, OCTETS, "application/xml"),
        (b"<pedido><item/></pedido>", "text/xml", OCTETS, "application/xml"),
        (b'<?xml version="1.0"?><nota/>', None, "text/html", "application/xml"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', None, OCTETS, "image/svg+xml"),
        (b'<?xml version="1.0"?><!DOCTYPE svg><svg/>', None, OCTETS, "image/svg+xml"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml", OCTETS, "image/svg+xml"),
    ],
)
async def test_xml_is_no_html(body: bytes, promised: str | None, header: str, expected: str) -> None:
    assert await accepted(body, Expected(None, promised), header) == expected


@pytest.mark.parametrize(
    ("body", "header"),
    [(b"<minuta>Vistos.</minuta>", "text/html"), (HTML, "application/xml"), (b"Vistos", "text/html")],
)
async def test_html_whose_size_is_not_promised_has_to_come_twice(body: bytes, header: str) -> None:
    promised = None if body.startswith(b"<") else "text/html"

    assert (await doubted(body, Expected(None, promised), header))[1] == "text/html"
