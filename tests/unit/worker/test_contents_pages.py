"""Error pages of gateways, and the court's own pages, which look like them."""

import pytest

from service.domain.errors import ErrorCode
from service.local.simulator.answers import PORTAL_PAGE
from service.portal.pages import is_complete_page, is_error_text, is_foreign_page, is_portal_page
from tests.support.contents import NOTHING, PAGE, accepted, doubted, refused
from worker.downloads.inspection import Doubted, Expected
from worker.downloads.inspection.markup import is_xml_error, syntax_of

REJECTED = (
    "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Please consult with your "
    "administrator.<br><br>Your support ID is: {}<br><br><a href='javascript:back();'>[Go Back]</a></body></html>"
)
PAGES = {
    "f5": REJECTED.format("1234567890123456789").encode(),
    "f5 without a title": b"<html><body>Your support ID is: 9876543210987654321</body></html>",
    "nginx": b"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>"
    b"\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
    "apache": b'<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n'
    b"<title>503 Service Unavailable</title>\n</head><body>\n<h1>Service Unavailable</h1>\n"
    b"<p>The server is temporarily unable.</p>\n</body></html>\n",
    "haproxy": b"<html><body><h1>503 Service Unavailable</h1>\n"
    b"No server is available to handle this request.\n</body></html>",
    "cloudflare": b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body><script>x()</script></body></html>",
    "akamai": b"<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\nYou don't "
    b'have permission to access "http&#58;&#47;&#47;x&#47;" here.<P>\nReference&#32;&#35;18&#46;2f\n</BODY></HTML>',
    "incapsula": b'<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX"></head><body><iframe '
    b'src="/_Incapsula_Resource?x=1">Request unsuccessful. Incapsula incident ID: 1-2</iframe></body></html>',
    "cloudfront": b"<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY>x</BODY></HTML>",
    "keycloak": b'<!DOCTYPE html><html class="login-pf"><head><title>Entrar no PJe</title></head><body><form '
    b'id="kc-form-login" action="https://sso.x/login-actions/authenticate?x=1" method="post"></form></body></html>',
    "keycloak far down": b"<!DOCTYPE html><html><head>" + b"<!-- x -->" * 900 + b'</head><body><input type="password">',
    "login": b'<html><title>PJe</title><body><form action="/x"><input name="username"></form></body></html>',
    "back soon": "<html><title>PJe</title><body>Estamos trabalhando. Voltamos já!</body></html>".encode(),
    "absent": b"<html><title>PJe</title><body>The requested resource was not found.</body></html>",
    "saml": b'<html><body onload="document.forms[0].submit()"><form><input name="SAMLRequest"></form></body></html>',
    "maintenance": "<!doctype html><html><title>Sistema em manutenção</title><body>Volte.</body></html>".encode(),
    "maintenance in Latin-1": "<html><title>Em manutenção</title><body>Aguarde</body></html>".encode("latin-1"),
    "maintenance in entities": b"<html><body><p>Sistema temporariamente indispon&iacute;vel.</p></body></html>",
    "maintenance in UTF-16": "<html><title>Portal indisponível</title></html>".encode("utf-16"),
    "session": "<html><head><title>PJe</title></head><body>Sua sessão expirou. Faça login.</body></html>".encode(),
    "refresh": b'<html><head><meta http-equiv="refresh" content="0;url=/login"></head><body></body></html>',
    "script": b"<html><body><script>document.cookie='x=1';location.reload()</script></body></html>",
    "script alone": b"<script>window.location='/x'</script>",
    "spring": b"<html><body><h1>Whitelabel Error Page</h1><p>This application has no mapping.</p></body></html>",
    "tomcat": b"<!doctype html><html><title>HTTP Status 404 \xe2\x80\x93 Not Found</title><body>x</body></html>",
    "no html": b"<h1>Forbidden</h1>",
    "fragment": '<div class="alert">Serviço indisponível no momento. Tente novamente mais tarde.</div>'.encode(),
    "fragment with a number": b"<div>Access Denied. Reference #18.2f3a</div>",
    "title alone": b"<title>Request Rejected</title>Your support ID is: 1",
}
WORDS = [
    b"upstream connect error or disconnect/reset before headers. reset reason: connection failure",
    b"no healthy upstream",
    b"default backend - 404",
    b"error code: 1020",
    b"404 page not found\n",
    b"Bad Gateway",
    b"Service Unavailable",
    b"RBAC: access denied",
    "Serviço temporariamente indisponível".encode(),
]
DECISION = (
    '<div style="text-align: justify"><h1>Decisão</h1><p>O autor juntou a tela "503 Service Unavailable" e a mensagem '
    '"Your support ID is: 123". Determino a manutenção da tutela. '
) + "Vistos e relatados estes autos. " * 30


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
@pytest.mark.parametrize("promised", [None, "text/html", "text/plain"])
async def test_a_page_of_what_stands_in_between_is_never_a_document(page: bytes, promised: str | None) -> None:
    error = await refused(page, Expected(None, promised), "text/html")

    assert (error.code, isinstance(error, Doubted)) == (ErrorCode.PORTAL_PAGE, False)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
async def test_a_page_of_another_size_than_the_promised_one_is_never_a_document(page: bytes) -> None:
    assert (await refused(page, Expected(500_000, "text/html"), "text/html")).code is ErrorCode.PORTAL_PAGE


@pytest.mark.parametrize("text", WORDS)
@pytest.mark.parametrize("promised", [None, "text/html", "text/plain"])
async def test_a_gateways_error_in_plain_text_is_never_a_document(text: bytes, promised: str | None) -> None:
    error = await refused(text, Expected(None, promised), "text/plain")

    assert (error.code, isinstance(error, Doubted)) == (ErrorCode.PORTAL_ANSWER_INVALID, False)


@pytest.mark.parametrize(
    "start", [b"<!DOCTYPE html>", b"<html>", b" \n<HTML lang='pt'>", b"<head>", b"<?xml version='1.0'?><html>"]
)
@pytest.mark.parametrize("promised", [None, "text/html"])
async def test_a_complete_page_has_to_come_twice(start: bytes, promised: str | None) -> None:
    page = start + "<title>Certidão de indisponibilidade</title><p>Certifico que o sistema esteve fora.</p>".encode()

    error, kind = await doubted(page, Expected(None, promised), "text/html")

    assert (error.code, kind) == (ErrorCode.PORTAL_PAGE, "text/html")


@pytest.mark.parametrize("page", [PAGE, *PAGES.values(), PORTAL_PAGE.encode()])
async def test_a_page_of_the_promised_size_is_what_the_court_has(page: bytes) -> None:
    assert await accepted(page, Expected(len(page), "text/html"), "text/html") == "text/html"


@pytest.mark.parametrize(
    "fragment",
    [
        DECISION.encode(),
        b'<div ng-version="15.2.1">print do sistema</div>',
        b'<div><app-root ng-version="15.2.1">print do sistema</app-root></div>',
        '<p align="center">Mantenho a decisão agravada. Acesso negado ao recurso.</p>'.encode(),
        b"<!-- editor --><p>Vistos.</p>",
        b"<font face='Arial'>Vistos.</font>",
        b"<o:p>Vistos.</o:p>",
        "<p>Certifico que o sistema esteve temporariamente indisponível.</p>".encode(),
        "<p>Destinatário não encontrado no endereço, obra em construção. Pagamento não autorizado.</p>".encode(),
    ],
)
@pytest.mark.parametrize("promised", [None, "text/html"])
async def test_a_fragment_is_a_document_whatever_its_words(fragment: bytes, promised: str | None) -> None:
    error, kind = await doubted(fragment, Expected(None, promised), "text/html")

    assert (error.code, kind) == (ErrorCode.PORTAL_PAGE, "text/html")
    assert await accepted(fragment, Expected(len(fragment), promised), "text/html") == "text/html"


@pytest.mark.parametrize(
    "title",
    [
        "Erro material",
        "Débito não autorizado",
        "Autenticação",
        "Bem indisponível",
        "Manutenção de posse",
        "Login único",
    ],
)
async def test_words_of_the_law_make_no_page_of_an_error(title: str) -> None:
    page = f"<html><head><title>{title}</title></head><body>{'Vistos e relatados estes autos. ' * 9}</body></html>"

    assert (await doubted(page.encode(), NOTHING, "text/html"))[1] == "text/html"


@pytest.mark.parametrize(
    "head",
    [
        b"<meta http-equiv=Content-Type content='text/html'><style>" + b"p {}\n" * 8000 + b"</style>",
        b"<script>" + b"x();\n" * 8000 + b"</script>",
        b"<meta http-equiv=Content-Type content='text/html'><img src='data:image/png;base64,AA=='>",
    ],
)
async def test_a_page_that_shows_nothing_yet_has_to_come_twice(head: bytes) -> None:
    page = b"<html>" + head + b"<p>" + b"</html>"

    assert (await doubted(page, NOTHING, "text/html"))[1] == "text/html"


async def test_a_saved_page_of_the_portal_has_to_come_twice() -> None:
    saved = PORTAL_PAGE.replace("</app-root>", "Processo 1, movimentos e partes. " * 20 + "</app-root>")

    assert (await doubted(saved.encode(), NOTHING, "text/html"))[1] == "text/html"


@pytest.mark.parametrize("body", [b"\n", b" \r\n\t ", b"\xef\xbb\xbf", "\ufeff \n".encode("utf-16-le")])
@pytest.mark.parametrize("promised", [None, "text/html", "application/pdf"])
async def test_space_is_no_document(body: bytes, promised: str | None) -> None:
    assert (await refused(body, Expected(None, promised))).code is ErrorCode.EMPTY_DOCUMENT


async def test_a_saved_page_of_another_application_has_to_come_twice() -> None:
    saved = b'<html ng-version="15.2.1"><body><app-root>Extrato de conta, saldo e movimentos</app-root></body></html>'

    assert (await doubted(saved, NOTHING, "text/html"))[1] == "text/html"


@pytest.mark.parametrize("promised", [None, "text/html", "application/pdf"])
async def test_the_portals_own_page_is_told_by_more_than_one_mark(promised: str | None) -> None:
    other_title = PORTAL_PAGE.replace("Portal de Serviços do Poder Judiciário", "Consulta")

    for page in (PORTAL_PAGE, other_title):
        error = await refused(page.encode(), Expected(None, promised), "text/html")
        assert (error.code, isinstance(error, Doubted)) == (ErrorCode.PORTAL_PAGE, False)


@pytest.mark.parametrize(
    "piece", [b"<h1>", b"<script>", b"<!--", b"<!-- -->", b"<", b"&", b"<title", b"<?", b"</script", b"<!doctype ["]
)
def test_no_page_takes_longer_than_it_is_long(piece: bytes) -> None:
    """Quadratic time would not end within the test."""
    page = b"<html>" + piece * (4_000_000 // len(piece))

    for judged in (is_portal_page, is_complete_page, is_error_text, syntax_of, is_xml_error):
        judged(page)
        judged(page.removeprefix(b"<html>"))
    is_foreign_page(page, is_whole=True)
