"""The data of the invented case, for the examples of the document."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from service.domain.case_data import (
    Complement,
    Instance,
    Party,
    PartyKind,
    Pole,
    RelatedProcess,
    Representative,
)
from service.domain.case_facts import CaseFacts, CaseMovement, LastMovement

NUMBER = "0000123-06.2023.4.03.6100"
OTHER_NUMBER = "0100000-57.2022.5.02.0001"
FILED = datetime(2023, 1, 30, 16, 10, 52, tzinfo=UTC)
_LISTED = datetime(2026, 1, 31, 11, 59, 55, tzinfo=UTC)
_BODY = "1ª Vara-Gabinete do Juizado Especial Federal de São Paulo"
_CLASS = "Procedimento do Juizado Especial Cível"
EXAMPLE_MOVEMENT = CaseMovement(
    id=UUID("8c0a3f6e-7b52-5d0e-9a41-2f6f0c1d7e88"),
    occurred_at=datetime(2026, 1, 30, 18, 2, 11, tzinfo=UTC),
    description="Juntada de petição",
    instance="PRIMEIRO_GRAU",
    type_code=85,
    judging_body=_BODY,
    complements=(Complement("tipo_de_peticao", "manifestação"),),
)
PARTY = Party(
    pole=Pole.ACTIVE,
    role="AUTOR",
    name="Maria da Silva",
    kind=PartyKind.PERSON,
    is_sealed=False,
    representatives=(Representative("João de Souza", "ADVOGADO", "SP123456"),),
)
SEALED_PARTY = Party(pole=Pole.PASSIVE, role="RÉU", name=None, kind=PartyKind.COMPANY, is_sealed=True)
FACTS: dict[str, Any] = {
    "process_number": NUMBER,
    "court": "TRF3",
    "court_class": _CLASS,
    "subject": "Auxílio-Acidente (Art. 86)",
    "filed_at": FILED,
    "secrecy_level": 0,
    "value": 11092.5,
    "judging_body": _BODY,
    "instances": (Instance("PRIMEIRO_GRAU", _BODY, _CLASS, FILED, is_current=True),),
    "parties": (PARTY, SEALED_PARTY),
    "parties_total": 2,
    "movements_total": 27,
    "last_movement": msgspec.convert(EXAMPLE_MOVEMENT, LastMovement, from_attributes=True),
    "related_processes": (RelatedProcess(OTHER_NUMBER, "DEPENDENCIA", _CLASS),),
    "listed_at": _LISTED,
}
PROCESS = CaseFacts(**FACTS)
