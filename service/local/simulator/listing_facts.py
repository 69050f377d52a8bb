"""Parties, movements, related cases and court bodies in the portal's answer, as JSON."""

from collections.abc import Sequence
from typing import Any

from service.local.simulator.cases.cases import Case, Proceeding
from service.local.simulator.cases.facts import MovementSpec, PartySpec, RelatedSpec, RepresentativeSpec, Shape

Json = dict[str, Any]


def filed(case: Case) -> str:
    """When the case was filed."""
    return f"{case.number[11:15]}-01-30T13:10:52.6"


def party(spec: PartySpec) -> Json:
    """An element of `partes`."""
    listed: Json = {"polo": spec.pole, "tipoParte": spec.role, "nome": spec.name, "tipoPessoa": spec.kind}
    listed = {name: value for name, value in listed.items() if value is not None}
    listed |= {"outrosNomes": [{"nome": name, "tipo": "OUTRO"} for name in spec.other_names]}
    if spec.representatives:
        listed["representantes"] = [_representative(one) for one in spec.representatives]
    return listed | {"sigilosa": spec.is_sealed} | dict(spec.members)


def _representative(spec: RepresentativeSpec) -> Json:
    state, number = (spec.registration or "")[:2], (spec.registration or "")[2:]
    oab = [{"uf": state, "numero": int(number)}] if number.isdigit() else []
    return {"nome": spec.name, "tipoRepresentacao": spec.role, "situacao": "ATIVO", "oab": oab}


def movements(case: Case, part: Proceeding) -> list[Json]:
    """The list `movimentos` of one copy. A second copy has another order, other ids, the other shape, whole seconds."""
    chosen = [(place, one) for place, one in enumerate(case.movements, 1) if one.instance is part.instance]
    if case.newest_first is (part.copy == 0):
        chosen.reverse()
    return [_movement(case, one, place, part) for place, one in chosen]


def last_movement(case: Case, part: Proceeding) -> Json | None:
    """`ultimoMovimento` of a search."""
    timed = [one for one in case.movements if one.instance is part.instance and one.occurred_at is not None]
    if not timed:
        return None
    last = max(timed, key=lambda one: one.occurred_at or "")
    return {"codigo": last.type_code, "descricao": last.description, "dataHora": last.occurred_at}


def _movement(case: Case, spec: MovementSpec, place: int, part: Proceeding) -> Json:
    time = spec.occurred_at.partition(".")[0] if spec.occurred_at and part.copy else spec.occurred_at
    listed: Json = {} if time is None else {"dataHora": time}
    listed["descricao"] = spec.description
    if (spec.shape is Shape.LAKE) is (part.copy == 0):
        listed |= _lake_members(case, spec, place, part)
    return listed | dict(spec.members)


def _lake_members(case: Case, spec: MovementSpec, place: int, part: Proceeding) -> Json:
    kind = {"id": spec.type_code, "nome": spec.description, "descricao": None, "hierarquia": "Magistrado (1)"}
    return {
        "sequencia": place,
        "idDistribuicao": None,
        "idCodex": 31_000_000_000 + part.copy * 1_000_000_000 + place * 7_919,
        "idOrigem": None if part.copy else f"M{place}",
        "classe": None,
        "tipo": kind | {"complementos": [_complement(one.name, one.value) for one in spec.complements]},
        "orgaoJulgador": {"id": 4, "idLocal": None, "nome": judging_body(case, part), "ibge": {}},
        "idDocumento": None,
        "magistrado": None,
        "usuario": {"nome": "SERVIDORA DE EXEMPLO", "login": "servidora.exemplo"},
    }


def _complement(name: str, value: str) -> Json:
    return {"codigo": 1, "nome": name, "idComplementoOrigem": None, "categoria": "TABELADO", "valor": value}


def judging_body(case: Case, part: Proceeding) -> str | None:
    """The court body that has the case in this instance."""
    return next(reversed(case.facts.judging_bodies.get(part.instance, ())), None)


def distributions(case: Case, part: Proceeding) -> list[Json]:
    """`distribuicao`: a year apart, the first one at the time of filing; in the order of the case's other lists."""
    bodies = case.facts.judging_bodies.get(part.instance, ())
    year, rest = int(filed(case)[:4]), filed(case)[4:]
    found = [
        {"dataHora": f"{year + index}{rest}", "orgaoJulgador": [{"id": -1, "nome": body}]}
        for index, body in enumerate(bodies)
    ]
    return found[::-1] if case.newest_first else found


def related(specs: Sequence[RelatedSpec]) -> list[Json]:
    """`processosRelacionados`."""
    return [
        {
            "numeroProcesso": spec.number,
            "href": f"/processos/{spec.number}",
            "tipoRelacao": spec.relation,
            "classe": {"id": 156, "descricao": spec.court_class},
            "ativo": True,
        }
        for spec in specs
    ]
