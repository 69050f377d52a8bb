"""Responses of the portal for one case, written by hand."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from service.domain.case_data import CaseData
from service.domain.listings import ListedDocument, Listing
from service.domain.process_number import ProcessNumber
from service.portal.listing import parse_listing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
"""Anything that JSON can say."""

NUMBER = "0000001-39.2024.8.26.0100"
HREF = f"/processos/{NUMBER}/documentos"


def parse(answer: Any, number: str = NUMBER) -> Listing:
    """Read a response, given as bytes or as a value for JSON."""
    body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    return parse_listing(body, ProcessNumber.parse(number))


def document(**fields: Any) -> dict[str, Any]:
    """A document in the portal's words, with an address."""
    uuid = fields.pop("uuid", "aaaaaaaa-0000-5000-8000-000000000001")
    return {
        "sequencia": 1,
        "idOrigem": "100",
        "nome": "Petição inicial.pdf",
        "hrefBinario": f"{HREF}/{uuid}/binario",
        "hrefTexto": f"{HREF}/{uuid}/texto",
    } | fields


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    """The other fields."""
    return {name: value for name, value in fields.items() if name not in names}


def stage(*documents: Any, **fields: Any) -> dict[str, Any]:
    """A `tramitacao` with these documents."""
    return {"instancia": "PRIMEIRO_GRAU", "documentos": list(documents)} | fields


def case(current: Any = None, *others: Any, **fields: Any) -> dict[str, Any]:
    """A case with these lists."""
    answer = {"numeroProcesso": NUMBER, "tramitacaoAtual": current} | fields
    return answer | ({"tramitacoes": list(others)} if others else {})


def only(*documents: Any) -> ListedDocument:
    """The only document of a listing."""
    [found] = parse([case(stage(*documents))]).documents
    return found


def read_case(*stages: Any, **fields: Any) -> CaseData:
    """The data of a case with these instances; the first one is the current one."""
    found = parse([case(*stages, **fields)]).case
    assert found is not None
    return found


def read_stage(**fields: Any) -> CaseData:
    """The data of a case with one instance that has these members."""
    return read_case(stage(document(), **fields))


def moved(second: int, description: str = "Ato", **fields: Any) -> dict[str, Any]:
    """A movement in the portal's words, some seconds after a certain hour."""
    return {"dataHora": f"2024-01-01T10:{second // 60:02}:{second % 60:02}", "descricao": description} | fields
