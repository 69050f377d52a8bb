"""What responses other than 200 mean, and which of them come from the portal itself."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.domain.errors import ErrorCode
from service.portal.answers import PORTAL_RETRY_AFTER_MAX, Answer, judge, parse_retry_after, says_no_record
from service.portal.errors import (
    AccessDenied,
    Blocked,
    Busy,
    NotFound,
    NotReady,
    PortalError,
    Unauthorized,
    Unavailable,
)

PAGE = b"<html><body><h1>Forbidden</h1></body></html>"


def json(status: int, /, **body: object) -> Answer:
    return Answer(status, "application/json", msgspec.json.encode(body))


@pytest.mark.parametrize(
    "message",
    [
        "Usuário não possui acesso ao processo",
        "USUARIO NAO POSSUI ACESSO AO PROCESSO",
        "O usuário não tem permissão para este documento",
        "Documento sigiloso",
        "Processo em segredo de justiça",
        "Sem autorização para visualizar a peça",
        "Acesso negado",
        "Acesso não autorizado ao documento",
        "Nível de sigilo insuficiente",
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_denial_says_so(status: int, message: str) -> None:
    assert isinstance(judge(json(status, message=message)), AccessDenied)


@pytest.mark.parametrize(
    "message",
    [
        "Token de acesso expirado",
        "Acesso negado: token inválido",
        "Prazo do token excedido",
        "Sessão expirada",
        "Credenciais de acesso inválidas",
        "Não autenticado",
        "Unauthorized",
        "",
    ],
)
def test_an_error_of_the_token_is_no_denial(message: str) -> None:
    assert type(judge(json(401, message=message))) is Unauthorized


@pytest.mark.parametrize(
    "message",
    [
        "Serviço de autorização indisponível",
        "Não foi possível verificar a permissão do usuário",
        "Erro ao validar o nível de sigilo",
        "Acesso temporariamente indisponível",
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_who_cannot_tell_who_has_access_denies_nothing(status: int, message: str) -> None:
    error = judge(json(status, message=message))

    assert (type(error), error.code) == (Unavailable, ErrorCode.PORTAL_UNAVAILABLE)


@pytest.mark.parametrize("message", ["Limite de acessos excedido", "Too many requests", "Rate limit exceeded"])
def test_a_limit_that_is_told_with_403_slows_everybody_down(message: str) -> None:
    assert type(judge(json(403, message=message))) is Busy


@pytest.mark.parametrize(
    "body",
    [
        {"erro": "Documento sigiloso"},
        {"Mensagem": "Documento sigiloso"},
        {"title": "Forbidden", "detail": "Documento sigiloso"},
        {"mensagens": ["Documento sigiloso"]},
        {"errors": [{"message": "Documento sigiloso"}]},
        {"error": {"message": "Documento sigiloso"}},
        [{"codigo": 7, "mensagem": "Documento sigiloso"}],
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_an_error_is_read_in_every_shape_of_json(status: int, body: object) -> None:
    assert isinstance(judge(Answer(status, "application/json", msgspec.json.encode(body))), AccessDenied)


def test_a_denial_in_latin_1_and_under_another_name_is_read() -> None:
    body = '{"mensagem": "Usuário não possui permissão"}'.encode("latin-1")

    assert isinstance(judge(Answer(403, "application/json", body)), AccessDenied)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_without_a_word_is_a_doubt_about_the_token(status: int) -> None:
    assert type(judge(Answer(status, ""))) is Unauthorized


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 410, 418, 444, 451, 493, 503, 511])
@pytest.mark.parametrize("content_type", ["text/html", "", "application/json"])
def test_a_web_page_is_a_block_whatever_its_header_says(status: int, content_type: str) -> None:
    assert isinstance(judge(Answer(status, content_type, b"\r\n " + PAGE)), Blocked)


def test_a_server_that_says_when_it_is_back_is_no_firewall() -> None:
    error = judge(Answer(503, "text/html", PAGE, retry_after=7.0))

    assert (type(error), error.retry_after) == (Unavailable, 7.0)


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"timestamp":1759668901713,"status":404,"error":"Not Found","message":"","path":"/x"}', NotFound),
        ('{"code":404,"message":"Não foram encontrados registros"}'.encode(), NotFound),
        ('[{"mensagem":"Documento não encontrado"}]'.encode(), NotFound),
        (b'{"errors":[{"message":"x"}]}', NotFound),
        (b'[{"message":"x"}, 7]', Unavailable),
        (b"default backend - 404", Unavailable),
        (b"", Unavailable),
        (b"{}", Unavailable),
        (b"[]", Unavailable),
        (b'"Not Found"', Unavailable),
        (b"[" * 10_000, Unavailable),
    ],
)
def test_only_the_portals_own_json_says_that_something_is_not_there(
    status: int, body: bytes, kind: type[PortalError]
) -> None:
    assert type(judge(Answer(status, "application/json", body))) is kind


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Não foram encontrados registros", True),
        ("registronaoencontrado", True),
        ("Nenhum processo foi encontrado", True),
        ("Processo não localizado", True),
        ("Rota não encontrada", False),
        ("Recurso não encontrado", False),
        ("", False),
    ],
)
def test_a_case_is_absent_only_in_so_many_words(message: str, expected: bool) -> None:
    assert says_no_record(json(404, status=404, message=message)) is expected


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("https://sso.cloud.pje.jus.br/auth/realms/pje/protocol/openid-connect/auth?client_id=x", Unauthorized),
        ("/login", Unauthorized),
        ("https://acesso.gov.br/", Unauthorized),
        ("/oauth2/authorize?response_type=code", Unauthorized),
        ("https://idp.example/adfs/ls/?wa=wsignin1.0", Unauthorized),
        ("https://example.org/x?SAMLRequest=abc", Unauthorized),
        ("/entrar", Unauthorized),
        ("/sessao-expirada", Unauthorized),
        ("/author/5", Unavailable),
        ("https://portaldeservicos.pdpj.jus.br/manutencao", Unavailable),
        ("https://example.org/", Unavailable),
        ("", Unavailable),
    ],
)
def test_a_redirect_is_temporary_and_to_a_login_a_doubt_about_the_token(
    status: int, location: str, kind: type[PortalError]
) -> None:
    assert type(judge(Answer(status, "", location=location))) is kind


@pytest.mark.parametrize("status", [201, 204, 206, 400, 402, 405, 408, 418, 451, 500, 502, 504, 522, 599])
def test_any_other_status_may_pass(status: int) -> None:
    assert type(judge(Answer(status, "application/json", b'{"status":1}'))) is Unavailable


def test_later_is_no_error_of_what_was_asked_for() -> None:
    assert type(judge(Answer(429, "text/html", PAGE))) is Busy
    assert type(judge(Answer(202, ""))) is NotReady


def test_only_the_portal_itself_speaks_of_its_codex() -> None:
    assert judge(json(500, status=500, message="Erro interno na API do Codex.")).code is ErrorCode.PORTAL_ERROR
    assert judge(Answer(500, "text/html", PAGE)).code is ErrorCode.PORTAL_UNAVAILABLE


_DATES = st.tuples(
    st.integers(0, 40),
    st.sampled_from(["Jan", "Feb", "Dec", "Foo"]),
    st.integers(0, 99_999),
    st.integers(-(10**16), 10**16),
).map(lambda parts: "Mon, {:02} {} {:04} 00:00:00 {:+05}".format(*parts))


@given(st.text() | _DATES | st.integers().map(str) | st.from_regex(r"[A-Z][a-z]{2}, [0-9: +\-A-Za-z]{0,40}"))
@example("Mon, 01 Jan 2024 00:00:00 +99999999999999")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("9" * 5000)
def test_no_retry_after_header_is_an_error(value: str) -> None:
    seconds = parse_retry_after(value)

    assert seconds is None or 0 <= seconds <= PORTAL_RETRY_AFTER_MAX


@given(
    st.integers(100, 599), st.binary(max_size=200), st.sampled_from(["", "application/json", "text/html"]), st.text()
)
def test_every_answer_is_an_error_of_the_portal(status: int, body: bytes, content_type: str, location: str) -> None:
    assert isinstance(judge(Answer(status, content_type, body, location)), PortalError)
