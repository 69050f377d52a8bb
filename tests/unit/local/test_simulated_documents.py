"""The documents, cases and scripts of the simulated portal, without a network."""

import html
import io
import json
import tracemalloc
import uuid
from collections import Counter
from dataclasses import replace
from datetime import datetime

import pytest
from pypdf import PdfReader

from service.local.simulator import (
    EVERY_DOCUMENT,
    FOR_EVER,
    CaseDocument,
    CaseSpec,
    DocumentSpec,
    Fault,
    FaultKind,
    Kind,
    Script,
    build_case,
    content_chunks,
    make_case,
    sample_cases,
    sha256_of,
    synthetic_number,
    text_of,
)
from service.local.simulator.cases.cases import masked
from service.local.simulator.listing import case_object, listing_json

NUMBER = "0000001-39.2024.8.26.0100"
HOSTILE_NAMES = (
    "../../etc/passwd",
    "a\x00b\r\nc\x1b.pdf",
    "\u202efdp.exe (1) \\ <b>&amp;",
    "()\\" * 400,
    "文書 🙂 ação.pdf",
    "",
)


def document_of(kind: Kind = Kind.PDF, size: int = 20_000, name: str = "Petição inicial.pdf") -> CaseDocument:
    return make_case(NUMBER, kind=kind, size=size, names=[name]).documents[0]


def content_of(document: CaseDocument) -> bytes:
    return b"".join(content_chunks(document))


def pdf_text(content: bytes) -> str:
    reader = PdfReader(io.BytesIO(content), strict=True)
    assert len(reader.pages) == 1
    return reader.pages[0].extract_text()


@pytest.mark.parametrize("size", [900, 901, 12_345, 65_535, 65_536, 65_537, 200_001, 3_000_000])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_document_has_exactly_its_size(kind: Kind, size: int) -> None:
    assert len(content_of(document_of(kind, size))) == size


@pytest.mark.parametrize("size", [900, 999, 1_000, 9_999, 10_000, 99_999, 100_400, 10_000_400])
def test_a_pdf_shows_name_and_number_to_a_strict_reader(size: int) -> None:
    text = pdf_text(content_of(document_of(size=size)))
    assert "Petição inicial.pdf" in text
    assert f"Processo {NUMBER}" in text


def test_a_pdf_is_valid_wherever_its_offsets_gain_a_digit() -> None:
    digits = set()
    for size in range(10_180, 10_360):
        content = content_of(document_of(size=size))
        start = content.split(b"startxref\n")[1].split()[0]
        digits.add(len(start))
        assert len(content) == size
        assert content[int(start) :].startswith(b"xref\n")
        assert NUMBER in pdf_text(content)
    assert digits == {4, 5}


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_hostile_name_breaks_no_format(kind: Kind, name: str) -> None:
    content = content_of(document_of(kind, 1_024, name))
    assert len(content) == 1_024
    if kind is Kind.PDF:
        assert NUMBER in pdf_text(content)
    else:
        assert NUMBER.encode() in content
        assert b"\x00" not in content


def test_html_is_a_fragment_of_ascii_with_entities() -> None:
    content = content_of(document_of(Kind.HTML, 5_000)).decode("ascii")
    assert content.startswith("<div style=")
    assert "<html" not in content
    assert "Peti&ccedil;&atilde;o inicial.pdf" in content
    assert "Petição inicial.pdf" in html.unescape(content)


def test_rtf_starts_with_its_signature_and_closes_every_group() -> None:
    content = content_of(document_of(Kind.RTF, 5_000, "{} \\ ação"))
    assert content.startswith(b"{\\rtf1\\ansi")
    bare = content.replace(b"\\\\", b"").replace(b"\\{", b"").replace(b"\\}", b"")
    assert bare.count(b"{") == bare.count(b"}")
    assert b"a\\'e7\\'e3o" in content


@pytest.mark.parametrize("kind", list(Kind))
def test_a_size_below_the_minimum_of_a_kind_is_refused(kind: Kind) -> None:
    with pytest.raises(ValueError, match="200 bytes are too few"):
        document_of(kind, 200)


def test_the_same_document_has_the_same_bytes_and_any_other_has_others() -> None:
    document = document_of()
    others = [
        replace(document, revision=2),
        replace(document, origin_id="1"),
        replace(document, case_number=synthetic_number(9)),
        replace(document, size=document.size + 1),
    ]
    assert sha256_of(document) == sha256_of(replace(document))
    assert len({sha256_of(one) for one in [document, *others]}) == 5


def test_no_two_chunks_of_a_large_document_are_alike() -> None:
    chunks = list(content_chunks(document_of(size=2_000_000)))
    assert max(len(chunk) for chunk in chunks) == 64 * 1024
    assert len(set(chunks)) == len(chunks)


def test_a_document_of_100_megabytes_is_made_in_constant_memory() -> None:
    tracemalloc.start()
    total = sum(len(chunk) for chunk in content_chunks(document_of(size=100_000_000)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 100_000_000
    assert peak < 1_000_000


@pytest.mark.parametrize("size", [900, 20_000, 1_000_000, 10_000_000])
def test_the_text_is_utf8_of_the_size_that_the_listing_declares(size: int) -> None:
    case = make_case(NUMBER, 1, size=size)
    declared = case_object(case)["tramitacaoAtual"]["documentos"][0]["arquivo"]["tamanhoTexto"]
    text = text_of(case.documents[0])
    assert len(text) == declared
    assert f"Processo {NUMBER}" in text.decode()


def test_the_federal_sample_has_30_documents_in_one_list() -> None:
    case = sample_cases()[0]
    listed = json.loads(listing_json(case))[0]
    documents = listed["tramitacaoAtual"]["documentos"]
    assert "tramitacoes" not in listed
    assert len(documents) == 30
    assert Counter(one.kind for one in case.documents) == {Kind.PDF: 19, Kind.HTML: 11}
    sizes = [one["arquivo"]["tamanho"] for one in documents if "arquivo" in one]
    assert (len(sizes), round(sum(sizes) / 1e6, 2)) == (29, 4.37)
    assert [one.size for one in case.documents if one.declared_size is None] == [11_291]
    assert max(Counter(one["nome"] for one in documents).values()) > 1


def test_the_state_sample_lists_173_documents_twice_under_other_ids() -> None:
    case = sample_cases()[1]
    listed = json.loads(listing_json(case))[0]
    first, second = listed["tramitacaoAtual"]["documentos"], listed["tramitacoes"][0]["documentos"]
    assert len(case.documents) == len(first) == len(second) == 173
    assert [one["idOrigem"] for one in first] == [one["idOrigem"] for one in second]
    for key in ("hrefBinario", "idCodex"):
        assert not {one[key] for one in first} & {one[key] for one in second}
    assert (sum("arquivo" in one for one in first), sum("arquivo" in one for one in second)) == (21, 0)
    assert listed["tramitacaoAtual"]["instancia"] == listed["tramitacoes"][0]["instancia"] == "PRIMEIRO_GRAU"
    sizes = [one.size for one in case.documents]
    assert (min(sizes), max(sizes)) == (9_000, 1_530_000)
    assert sum(sizes) < 25_000_000


def test_the_labour_sample_is_a_bare_object_of_two_instances() -> None:
    case = sample_cases()[2]
    listed = json.loads(listing_json(case))
    second, first = listed["tramitacaoAtual"], listed["tramitacoes"][0]
    assert (second["instancia"], first["instancia"]) == ("SEGUNDO_GRAU", "PRIMEIRO_GRAU")
    assert (len(second["documentos"]), len(first["documentos"])) == (9, 15)
    documents = second["documentos"] + first["documentos"]
    without_binary = [one for one in documents if "hrefBinario" not in one]
    assert [("hrefTexto" in one) for one in without_binary] == [True]
    assert sum("hrefTexto" not in one for one in documents) == 1
    assert sum(one["nivelSigilo"] == "SEGREDO_JUSTICA" for one in documents) == 1
    assert {one["arquivo"]["tipo"] for one in documents} == {"application/pdf", "text/html", "text/richtext"}


def test_listed_times_have_no_offset_and_none_to_six_digits_of_a_second() -> None:
    times = [one.filed_at for case in sample_cases() for one in case.documents]
    assert {len(one.partition(".")[2]) for one in times} == set(range(7))
    assert all(datetime.fromisoformat(one).tzinfo is None for one in times)


def test_uuids_are_version_5_and_codex_ids_need_64_bits() -> None:
    listed = case_object(make_case(NUMBER, 2))["tramitacaoAtual"]["documentos"]
    for one in listed:
        assert uuid.UUID(one["hrefBinario"].split("/")[4]).version == 5
        assert one["idCodex"] > 2**32


def test_a_case_of_5000_documents_comes_from_a_short_spec() -> None:
    case = build_case(NUMBER, CaseSpec(documents=(DocumentSpec(count=5_000, size=1_000, name="igual.pdf"),)))
    assert len({one.identity for one in case.documents}) == 5_000
    assert {one.name for one in case.documents} == {"igual.pdf"}


def test_arquivo_may_lie_about_the_size() -> None:
    case = make_case(NUMBER, [DocumentSpec(size=5_000, declared_size=4_000)])
    assert case_object(case)["tramitacaoAtual"]["documentos"][0]["arquivo"]["tamanho"] == 4_000
    assert len(content_of(case.documents[0])) == 5_000


def test_one_origin_id_twice_in_an_instance_is_refused() -> None:
    with pytest.raises(ValueError, match="same origin_id"):
        make_case(NUMBER, [DocumentSpec(origin_id="7"), DocumentSpec(origin_id="7")])


def test_numbers_are_masked_and_synthetic_ones_have_right_check_digits() -> None:
    assert masked("00000013920248260100") == masked(NUMBER) == NUMBER
    for number in (synthetic_number(7654321, year=2021, court=19), synthetic_number(5, segment=4, court=3)):
        digits = "".join(filter(str.isdigit, number))
        assert int(digits[:7] + digits[9:] + digits[7:9]) % 97 == 1
    assert synthetic_number(7654321, year=2021, court=19) == "7654321-71.2021.8.19.0001"


@pytest.mark.parametrize("number", ["", "1234", "0000001-39.2024.8.26.01000", "\u0660" * 20, NUMBER + "\n"])
def test_what_is_no_case_number_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="not a case number"):
        masked(number)


def taken(script: Script, document: CaseDocument, copy: int = 0, times: int = 6) -> list[FaultKind | None]:
    faults = (script.take_document(document, document.uuid_of(copy), "binario") for _ in range(times))
    return [fault.kind if fault else None for fault in faults]


def test_faults_come_in_order_each_for_its_times_and_then_no_more() -> None:
    script, document = Script(), document_of()
    never = Fault(kind=FaultKind.HANG, times=0)
    faults = (Fault(kind=FaultKind.CODEX_500, times=2), Fault(kind=FaultKind.RESET))
    script.fail_document(NUMBER, document.origin_id, never, *faults)
    assert taken(script, document) == ["codex_500", "codex_500", "reset", None, None, None]


def test_a_fault_may_last_for_ever_until_it_is_replaced() -> None:
    script, document = Script(), document_of()
    script.fail_document(NUMBER, document.origin_id, Fault(kind=FaultKind.HANG, times=FOR_EVER))
    assert taken(script, document, times=50) == ["hang"] * 50
    script.fail_document(NUMBER, document.origin_id)
    assert taken(script, document, times=1) == [None]


def test_a_uuid_hits_one_copy_and_goes_before_the_origin_id() -> None:
    script, document = Script(), make_case(NUMBER, 1, listed_twice=True).documents[0]
    script.fail_document(NUMBER, document.uuid_of(1), Fault(kind=FaultKind.RESET))
    script.fail_document(NUMBER, document.origin_id, Fault(kind=FaultKind.CODEX_500, times=2))
    assert taken(script, document, copy=1, times=2) == ["reset", "codex_500"]
    assert taken(script, document, copy=0, times=2) == ["codex_500", None]


def test_the_star_hits_each_document_on_its_own_count_and_rendition() -> None:
    script = Script()
    of_text = Fault(kind=FaultKind.HANG, rendition="texto")
    script.fail_document(NUMBER, EVERY_DOCUMENT, Fault(kind=FaultKind.RESET), of_text)
    for document in make_case(NUMBER, 3).documents:
        assert taken(script, document, times=2) == ["reset", None]
        text_faults = [script.take_document(document, document.uuid_of(0), "texto") for _ in range(2)]
        assert text_faults == [of_text, None]


def test_a_fault_where_it_cannot_happen_is_refused() -> None:
    script = Script()
    with pytest.raises(ValueError, match="cannot happen here: two_objects"):
        script.fail_document(NUMBER, EVERY_DOCUMENT, Fault(kind=FaultKind.TWO_OBJECTS))
    with pytest.raises(ValueError, match="cannot happen here: reset"):
        script.fail_listing(NUMBER, Fault(kind=FaultKind.RESET))
    with pytest.raises(ValueError, match="cannot happen here: truncated"):
        script.fail_everything(Fault(kind=FaultKind.TRUNCATED))


def test_a_cleared_script_has_no_faults_left() -> None:
    script, document = Script(), document_of()
    hang = Fault(kind=FaultKind.HANG, times=FOR_EVER)
    script.fail_everything(hang)
    script.fail_listing(NUMBER, hang)
    script.fail_document(NUMBER, EVERY_DOCUMENT, hang)
    script.clear()
    assert (script.take_everything(), script.take_listing(NUMBER)) == (None, None)
    assert taken(script, document) == [None] * 6
