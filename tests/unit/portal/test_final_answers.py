"""Which answers about one document or case are final: only clear words are, everything else is asked again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest

from service.portal.answers import PORTAL_RETRY_AFTER_MAX, Answer, judge, parse_retry_after
from service.portal.errors import AccessDenied, NotFound, Unavailable

#: Statuses that servers use for one case or document, beside 401 and 403.
STATUSES = [400, 404, 409, 410, 422, 423, 451]


def of(status: int, body: Any, **fields: Any) -> Answer:
    return Answer(status, "application/json", msgspec.json.encode(body), **fields)


@pytest.mark.parametrize(
    "body",
    [
        {"mensagem": "Processo em sigilo"},
        {"message": "PROCESSO SOB SEGREDO DE JUSTICA"},
        {"mensagemErro": "Documento sigiloso"},
        {"errorMessage": "Usuário não possui acesso ao processo"},
        {"data": {"userMessage": "Peça sigilosa"}},
        {"motivo": "Acesso não permitido"},
        {"status": 404, "reason": "Usuário sem permissão"},
        [{"resultado": {"detalhe": "Autos em segredo de justiça"}}],
    ],
)
@pytest.mark.parametrize("status", STATUSES)
def test_a_denial_is_one_whatever_its_status(status: int, body: Any) -> None:
    assert type(judge(of(status, body))) is AccessDenied


@pytest.mark.parametrize(
    "body",
    [
        {"mensagem": "Serviço indisponível"},
        {"mensagem": "Sistema em manutenção"},
        {"mensagem": "SISTEMA EM MANUTENCAO"},
        {"mensagem": "Portal fora do ar"},
        {"mensagem": "Sessão expirada"},
        {"mensagem": "Tente novamente mais tarde"},
        {"mensagem": "Serviço de autorização não encontrado"},
        {"mensagem": "Acesso ao documento sigiloso temporariamente indisponível"},
        {"mensagem": "Timeout: documento não encontrado em tempo"},
        {"mensagem": "Não foi possível localizar o documento"},
        {"mensagem": "Falha ao buscar o documento"},
        {"message": "Parâmetro nivelSigilo inválido: tente novamente"},
        {"message": "no Route matched with those values"},
        {"message": "no healthy upstream"},
        {"status": 503, "error": "Service Unavailable", "message": "x"},
        {"codigo": "500", "mensagem": "Documento sigiloso"},
        {"status": 500, "message": "Erro interno na API do Codex."},
        [{"statusCode": 429, "message": "Documento não encontrado"}],
        {"ok": False},
    ],
)
@pytest.mark.parametrize("status", STATUSES)
def test_what_may_pass_is_asked_again(status: int, body: Any) -> None:
    error = judge(of(status, body, retry_after=7.0))

    assert (type(error), error.retry_after) == (Unavailable, 7.0)


@pytest.mark.parametrize("status", [400, 422])
def test_a_word_about_a_parameter_denies_nothing(status: int) -> None:
    assert type(judge(of(status, {"message": "Parâmetro nivelSigilo inválido"}))) is Unavailable


@pytest.mark.parametrize("message", ["Documento não encontrado", "DOCUMENTO NAO LOCALIZADO", "Documento excluído", ""])
@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (410, NotFound), (400, Unavailable), (451, Unavailable)])
def test_only_404_and_410_say_that_something_is_not_there(status: int, kind: type, message: str) -> None:
    assert type(judge(of(status, {"mensagem": message}))) is kind


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("message", ["Sistema em manutenção", "Serviço de autenticação indisponível", "Fora do ar"])
def test_an_outage_condemns_no_token(status: int, message: str) -> None:
    assert type(judge(of(status, {"mensagem": message}))) is Unavailable


NEAR = datetime.now(UTC) + timedelta(seconds=500)


@pytest.mark.parametrize(
    ("values", "at_least", "at_most"),
    [
        (("120",), 120, 120),
        ((" 120 ",), 120, 120),
        (("1.5",), 1.5, 1.5),
        (("9" * 400,), PORTAL_RETRY_AFTER_MAX, PORTAL_RETRY_AFTER_MAX),
        (("5", "120"), 120, 120),
        (("soon", "5"), 5, 5),
        ((format_datetime(NEAR, usegmt=True),), 1, 500),
        ((NEAR.strftime("%a, %d %b %Y %H:%M:%S"),), 1, 500),
        ((NEAR.strftime("%a %b %d %H:%M:%S %Y"),), 1, 500),
        ((NEAR.isoformat(),), 1, 500),
        ((NEAR.replace(tzinfo=None).isoformat(),), 1, 500),
        (("Wed, 21 Oct 2015 07:28:00 GMT",), 0, 0),
    ],
)
def test_every_form_of_retry_after_is_read(values: tuple[str, ...], at_least: float, at_most: float) -> None:
    seconds = parse_retry_after(*values)

    assert seconds is not None
    assert at_least <= seconds <= at_most


@pytest.mark.parametrize("value", ["-5", "+30", "1e3", "120s", "inf", "nan", "١٢٠", "27/11/2026 23:00:00", "", "0x10"])
def test_a_retry_after_that_says_nothing_is_none(value: str) -> None:
    assert parse_retry_after(value) is None
    assert parse_retry_after() is None
