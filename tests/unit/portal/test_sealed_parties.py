"""The name of a sealed party is nowhere in a listing, nor in the answer that is kept."""

import json
from typing import Any

import pytest

from service.domain.case_data import Party, Pole, Representative
from service.domain.listings import Listing
from service.domain.process_number import ProcessNumber
from service.portal.listing import parse_listing
from tests.support.database.listings import NUMBER, case, document, moved, parse, stage

NAME, ALIAS, LAWYER = "JOSÉ Antônio da Silva", "Zeca da Silva", "Bia Lima"
SEALED = {
    "polo": "PASSIVO",
    "tipoParte": "RÉU",
    "nome": NAME,
    "tipoPessoa": "FISICA",
    "outrosNomes": [{"nome": ALIAS, "tipo": "ALIAS"}],
    "documentosPrincipais": [{"tipo": "CPF", "numero": 12345678901}],
    "representantes": [{"nome": LAWYER, "tipoRepresentacao": "ADVOGADO", "oab": "SP123"}],
    "sigilosa": True,
}


def said(listing: Listing) -> str:
    """All that a listing has, with what it keeps of the answer."""
    assert listing.raw is not None
    return f"{listing} {listing.raw.body.decode()}"


def listing_of(*parties: Any, **fields: Any) -> Listing:
    return parse([case(stage(document(), **fields, partes=list(parties)))])


def test_a_sealed_party_keeps_its_pole_its_role_and_its_kind() -> None:
    listing = listing_of(SEALED, {"polo": "ATIVO", "nome": "Ana"})

    assert listing.case is not None
    sealed, other = listing.case.parties
    assert (sealed.pole, sealed.role, sealed.name, sealed.is_sealed) == (Pole.PASSIVE, "RÉU", None, True)
    assert sealed.representatives == (Representative(role="ADVOGADO"),)
    assert other == Party(Pole.ACTIVE, name="Ana")
    for told in (NAME, ALIAS, LAWYER, "SP123", "12345678901"):
        assert told not in said(listing)


@pytest.mark.parametrize("value", ["S", "sim", "true", 1, "1", "SIGILOSO", 2.5, ["x"], {"nivel": 1}, True])
@pytest.mark.parametrize("name", ["sigilosa", "Sigilosa", "sigiloso", "emSigilo", "nivelSigilo", "acessoRestrito"])
def test_a_seal_may_be_written_otherwise(name: str, value: Any) -> None:
    listing = listing_of({member: each for member, each in SEALED.items() if member != "sigilosa"} | {name: value})

    assert NAME not in said(listing)
    assert listing.case is not None
    assert [each.is_sealed for each in listing.case.parties] == [True]
    assert listing.raw is not None
    assert listing.raw.is_redacted


@pytest.mark.parametrize("value", [False, None, 0, "N", "não", "false", "0", "", "PUBLICO", [], {}])
def test_what_is_not_sealed_is_kept_byte_for_byte(value: Any) -> None:
    answer = f" {json.dumps([case(stage(document(), partes=[SEALED | {'sigilosa': value}]))])}\n".encode()

    listing = parse(answer)

    assert listing.case is not None
    assert [(each.name, each.is_sealed) for each in listing.case.parties] == [(NAME, False)]
    assert listing.raw is not None
    assert (listing.raw.body, listing.raw.is_redacted) == (answer, False)


@pytest.mark.parametrize(
    "text",
    [
        f"Intimação de {NAME} para o ato",
        "INTIMACAO DE JOSE ANTONIO DA SILVA.",
        "Jose&nbsp;Ant&ocirc;nio <b>da</b>\n Silva",
        f"({ALIAS.upper()})",
        f"{ALIAS}/{NAME}",
        f"decomposto: {NAME}".replace("é", "e\u0301"),
    ],
)
def test_no_text_of_the_answer_repeats_the_name(text: str) -> None:
    listing = listing_of(
        SEALED,
        movimentos=[moved(0, text), moved(1, "Remessa", tipo={"complementos": [{"nome": "a", "valor": text}]})],
        classe=[{"descricao": text}],
        documentos=[document(nome=text, tipo={"nome": text})],
    )

    words = said(listing).lower()
    assert "silva" not in words
    assert "ilva" not in words
    assert "[sigiloso]" in words
    assert len(listing.documents) == 1


def test_a_name_within_other_words_stays() -> None:
    listing = listing_of(SEALED | {"nome": "ANA", "outrosNomes": []}, movimentos=[moved(0, "Análise da banana")])

    assert listing.case is not None
    assert [each.description for each in listing.case.movements] == ["Análise da banana"]


def test_a_name_that_says_only_that_there_is_a_seal_hides_nothing() -> None:
    texts = [moved(0, "Segredo de Justiça"), moved(1, "Ato de X")]

    listing = listing_of(SEALED | {"nome": "SEGREDO DE JUSTIÇA", "outrosNomes": [{"nome": "X"}]}, movimentos=texts)

    assert listing.case is not None
    assert [each.description for each in listing.case.movements] == ["Ato de X", "Segredo de Justiça"]


@pytest.mark.parametrize(
    "party",
    [
        {"polo": "ATIVO", "nome": "Ana", "outrosNomes": [{"nome": NAME, "sigiloso": True}]},
        {"polo": "ATIVO", "nome": "Ana", "representantes": [{"nome": NAME, "sigilosa": "S", "oab": "SP123"}]},
        {"polo": "ATIVO", "nome": "Ana", "representantes": {"pessoa": {"nome": NAME, "sigilosa": True}}},
        {"polo": "AT", "parte": [{"pessoa": {"nome": NAME}, "sigilosa": 1}, {"nome": "Ana"}]},
    ],
)
def test_a_sealed_person_within_a_party_has_no_name(party: Any) -> None:
    listing = listing_of(party)

    assert NAME not in said(listing)
    assert "Ana" in said(listing)


def test_the_other_copy_of_a_party_may_lack_the_seal() -> None:
    open_copy = {name: value for name, value in SEALED.items() if name != "sigilosa"}

    listing = parse([case(stage(document(), partes=[open_copy]), stage(partes=[SEALED]), partes=[open_copy])])

    assert listing.case is not None
    assert [(each.name, each.is_sealed) for each in listing.case.parties] == [(None, True)]
    for told in (NAME, ALIAS, LAWYER, "SP123"):
        assert told not in said(listing)


def test_a_seal_within_a_string_hides_the_string() -> None:
    written = json.dumps([SEALED], ensure_ascii=False)

    listing = listing_of(anexo=f" {written}", extra=[written])

    assert NAME not in said(listing)
    assert listing.raw is not None
    assert listing.raw.is_redacted


def test_a_seal_that_is_given_twice_counts() -> None:
    party = json.dumps(SEALED).replace('"sigilosa": true', '"sigilosa": true, "sigilosa": false')
    answer = json.dumps([case(stage(document(), partes=["@"]))]).replace('"@"', party)

    assert NAME not in said(parse(answer.encode()))


def test_ids_and_addresses_stay() -> None:
    listing = listing_of(
        SEALED | {"nome": "Documentos", "outrosNomes": []}, movimentos=[moved(0, "Juntada de documentos")]
    )

    assert [each.copies[0].has_address for each in listing.documents] == [True]
    assert listing.case is not None
    assert [each.description for each in listing.case.movements] == ["Juntada de [sigiloso]"]


@pytest.mark.parametrize(
    ("charset", "kept"),
    [("utf-8", None), ("UTF8", None), (None, None), ("ISO-8859-1", "iso-8859-1"), ("x\r\ny", None), ("a" * 41, None)],
)
def test_a_charset_is_kept_if_it_is_one(charset: str | None, kept: str | None) -> None:
    answer = json.dumps([case(stage(document()))]).encode()

    raw = parse_listing(answer, ProcessNumber.parse(NUMBER), charset=charset).raw

    assert raw is not None
    assert raw.charset == kept
