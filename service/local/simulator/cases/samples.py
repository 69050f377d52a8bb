"""The three cases that the simulated portal starts with: federal, state and labour."""

from service.local.simulator.cases.build import CaseSpec, DocumentSpec, build_case
from service.local.simulator.cases.cases import Case, Kind
from service.local.simulator.cases.facts import Instance
from service.local.simulator.cases.sample_facts import federal_facts, labour_facts, state_facts

FEDERAL = "0000123-06.2023.4.03.6100"
STATE = "0000001-39.2024.8.26.0100"
LABOUR = "0100000-57.2022.5.02.0001"

# Name and size in bytes in the order of filing; together 4.37 MB. The size of the last one is not declared.
_FEDERAL_DOCUMENTS = (
    ("Petição inicial.pdf", 278_911),
    ("0.1 PROCURAÇÃO.pdf", 480_213),
    ("1. DOCUMENTO DE IDENTIDADE.pdf", 104_655),
    ("2. COMPROVANTE DE ENDEREÇO.pdf", 1_242_087),
    ("3. CARTEIRA DE TRABALHO.pdf", 88_127),
    ("4.1 EXTRATO DE CONTRIBUIÇÕES.pdf", 373_902),
    ("4.2 CARTA DE INDEFERIMENTO.pdf", 346_118),
    ("4.3 LAUDO MÉDICO.pdf", 412_236),
    ("4.2 CARTA DE INDEFERIMENTO.pdf", 346_118),
    ("Planilha do Valor da Causa.pdf", 137_055),
    ("Certidão.html", 14_102),
    ("Informação de Prevenção.html", 56_340),
    ("Ato Ordinatório.html", 12_480),
    ("Quadro Resumo.pdf", 62_071),
    ("Declaração de Benefícios.pdf", 47_318),
    ("Extrato de Contribuições.pdf", 21_390),
    ("Histórico de Créditos.pdf", 57_444),
    ("Dados Cadastrais.pdf", 10_962),
    ("Dossiê Médico.pdf", 12_533),
    ("Ato Ordinatório.html", 12_480),
    ("Petição Intercorrente.pdf", 82_340),
    ("Ato Ordinatório.html", 11_604),
    ("Ato Ordinatório.html", 11_604),
    ("Petição Intercorrente.pdf", 50_290),
    ("Ato Ordinatório.html", 11_604),
    ("Ato Ordinatório.html", 11_604),
    ("Pedido de Desistência.pdf", 49_102),
    ("Sentença.html", 13_240),
    ("Sentença.html", 13_240),
    ("Certidão Trânsito em Julgado.html", 11_291),
)
_STATE_NAMES = (
    "Petição Inicial",
    "Procuração",
    "Contrato Social",
    "Decisão",
    "Documento Diverso",
    "Certidão de Publicação",
)
_STATE_HTML = ("Decisão", "Certidão de Publicação")
_STATE_COUNT = 173
_STATE_DECLARED_EVERY = 8
_LABOUR_KINDS = (Kind.HTML, Kind.RTF, Kind.PDF)


def sample_cases() -> tuple[Case, ...]:
    """30 documents in one list; 173 listed twice; 9 of the second and 15 of the first instance."""
    return (_federal(), _state(), _labour())


def _federal() -> Case:
    last = len(_FEDERAL_DOCUMENTS) - 1
    documents = (
        DocumentSpec(
            name=name,
            size=size,
            kind=Kind(name.rpartition(".")[2]),
            origin_id=str(361_500_000 + index * 743),
            type_name=name.rpartition(".")[0],
            type_code=None if index else 202,  # 202: initial petition
            declared=index != last,
        )
        for index, (name, size) in enumerate(_FEDERAL_DOCUMENTS)
    )
    return build_case(FEDERAL, CaseSpec(documents=tuple(documents), facts=federal_facts()))


def _state() -> Case:
    documents = tuple(_state_document(index) for index in range(_STATE_COUNT))
    return build_case(STATE, CaseSpec(documents=documents, listed_twice=True, facts=state_facts()))


def _state_document(index: int) -> DocumentSpec:
    name = _STATE_NAMES[index % len(_STATE_NAMES)]
    declared = index % _STATE_DECLARED_EVERY == _STATE_DECLARED_EVERY - 1
    return DocumentSpec(
        name=name,
        size=_state_size(index),
        kind=Kind.HTML if name in _STATE_HTML and not declared else Kind.PDF,
        origin_id=f"PG7QX_{218_440_100 + index}_1",
        type_name=name,
        declared=declared,
    )


def _state_size(index: int) -> int:
    """9 kB to 1.53 MB, most of them below 100 kB."""
    large = {7: 1_530_000, 47: 836_210, 95: 633_480, 143: 388_909}
    return large.get(index, 9_000 + index * 7_919 % 120_000)


def _labour() -> Case:
    second = (_labour_document(Instance.SECOND, index) for index in range(9))
    first = (_labour_document(Instance.FIRST, index) for index in range(15))
    spec = CaseSpec(documents=(*first, *second), bare_object=True, newest_first=False, facts=labour_facts())
    return build_case(LABOUR, spec)


def _labour_document(instance: Instance, index: int) -> DocumentSpec:
    first = instance is Instance.FIRST
    return DocumentSpec(
        name=f"Documento {index + 1}" if first else f"Acórdão {index + 1}",
        size=3_300 + (index * 31_337 + (0 if first else 17_171)) % 270_000,
        kind=_LABOUR_KINDS[index % len(_LABOUR_KINDS)],
        instance=instance,
        origin_id=f"{'g1' if first else 'g2'}-{3_300 + index}",
        type_name="Documento" if first else "Acórdão",
        binary_href=not (first and index == 6),
        text_href=not (first and index == 10),
        secrecy="SEGREDO_JUSTICA" if first and index == 12 else "PUBLICO",
    )
