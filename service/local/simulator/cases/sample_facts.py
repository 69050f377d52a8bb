"""Parties, movements and related cases of the samples: as odd as those of the real portal, and plainly invented."""

from service.local.simulator.cases.cases import synthetic_number
from service.local.simulator.cases.facts import (
    ComplementSpec,
    Facts,
    Instance,
    MovementSpec,
    PartySpec,
    RelatedSpec,
    RepresentativeSpec,
    Shape,
)

SEALED_NAMES = ("MENOR SOB SIGILO DE EXEMPLO", "ADVOGADA DO SIGILO DE EXEMPLO")
"""The portal shows them although the party is sealed. The service never does."""

_LAWYER = RepresentativeSpec(name="ADVOGADA INVENTADA DE EXEMPLO", registration="ZZ000123")
_UNNAMED = RepresentativeSpec(name=None, role=None)
_CLAIMANT = PartySpec(
    name="SEGURADA DE EXEMPLO DA SILVA", role="AUTOR", kind="FISICA", representatives=(_LAWYER, _UNNAMED)
)
_AGENCY = PartySpec(
    name="AUTARQUIA FEDERAL FICT&Iacute;CIA - AFF",
    pole="PASSIVO",
    kind="AUTORIDADE",
    other_names=("AFF", "AUTARQUIA FICTÍCIA"),
    members={"documentosPrincipais": None},
)
_SEALED = PartySpec(
    name=SEALED_NAMES[0],
    role="INTERESSADO",
    kind="FISICA",
    is_sealed=True,
    other_names=("M. S. S. E.",),
    representatives=(RepresentativeSpec(name=SEALED_NAMES[1], registration="ZZ000456"),),
)
_PROSECUTOR = PartySpec(name="MINISTÉRIO PÚBLICO DE EXEMPLO", pole="OUTROS", role="CUSTOS LEGIS", kind=None)
_WITHOUT_NAME = PartySpec(name=None, pole="PASSIVO", kind="JURIDICA", members={"nome": None, "tipoParte": None})
_FORMER = ("1ª Vara-Gabinete (exemplo)", "4ª Vara-Gabinete (exemplo)")


def federal_facts() -> Facts:
    """27 movements as the detail has them: entities, equal ones on one day, one without time, one written null."""
    same = MovementSpec(description="Expedição de Certidão", occurred_at="2023-05-04T00:00:00")
    return Facts(
        value=61_592.0,
        judging_bodies={Instance.FIRST: _FORMER},
        members={"processosRelacionados": None},
        parties=(_CLAIMANT, _AGENCY, _SEALED),
        movements=(
            MovementSpec(description="Distribuído por sorteio", occurred_at="2023-01-30T13:10:52.6"),
            MovementSpec(description="Juntada de Peti&ccedil;&atilde;o", occurred_at="2023-02-01T09:10:11", count=12),
            MovementSpec(description="Conclusos para decisão", occurred_at="2023-03-10T08:00:00.123456"),
            same,
            same,
            MovementSpec(description="Remetidos os autos"),
            MovementSpec(description=None, occurred_at="2023-06-01T10:00:00", members={"descricao": None}),
            MovementSpec(description="Ato ordinatório praticado", occurred_at="2023-06-20T16:44:01", count=7),
            MovementSpec(description="Julgado improcedente o pedido", occurred_at="2023-09-12T17:20:33.45"),
            MovementSpec(description="Transitado em julgado em 10/10/2023", occurred_at="2023-10-11T01:02:03.004"),
        ),
    )


def state_facts() -> Facts:
    """40 movements listed twice, in either shape, and a related case."""
    code = ComplementSpec(name="tipo_de_distribuicao_redistribuicao", value="sorteio")
    return Facts(
        value=11_092_500.0,
        parties=(
            PartySpec(name="COMÉRCIO INVENTADO LTDA", kind="JURIDICA", representatives=(_LAWYER,)),
            PartySpec(name="FULANO DE TAL DE EXEMPLO", pole="PASSIVO", kind="FISICA"),
            _PROSECUTOR,
            _WITHOUT_NAME,
        ),
        movements=(
            MovementSpec(
                description="Distribuído por sorteio",
                occurred_at="2024-01-30T13:10:52.6",
                type_code=26,
                complements=(code,),
            ),
            MovementSpec(
                description="Juntada de Petição de exemplo", occurred_at="2024-02-05T11:00:00", type_code=85, count=30
            ),
            MovementSpec(
                description="Publicado no DJE &quot;exemplo&quot;", occurred_at="2024-04-02T00:00:00", count=9
            ),
        ),
        related=(RelatedSpec(number=synthetic_number(4_321, year=2024)),),
    )


def labour_facts() -> Facts:
    """300 movements in two instances, as the data lake writes them: 180 of the first, 120 of the second."""
    origin = MovementSpec(
        description="Juntada de Petição de exemplo",
        occurred_at="2022-02-01T09:10:11",
        count=180,
        type_code=85,
        complements=(ComplementSpec(name="tipo_de_peticao", value="Manifestação"),),
        shape=Shape.LAKE,
    )
    appeal = MovementSpec(
        description="Conclusos para julgamento",
        occurred_at="2023-02-01T09:10:11",
        count=120,
        instance=Instance.SECOND,
        type_code=51,
        shape=Shape.LAKE,
        members={"magistrado": {"nome": "MAGISTRADA DE EXEMPLO"}},
    )
    return Facts(
        value=48_500.75,
        parties=(_CLAIMANT, PartySpec(name="EMPRESA INVENTADA S/A", pole="PASSIVO", kind="JURIDICA"), _SEALED),
        movements=(origin, appeal),
        related=(
            RelatedSpec(number=synthetic_number(77, year=2021, segment=5, court=2), relation="ORIGINARIO"),
            RelatedSpec(number="00000779220215020001", relation=None, court_class=None),
        ),
        # An object for a list, and a float for a whole number.
        members={"classe": {"codigo": 985.0, "descricao": "Ação Trabalhista (exemplo)"}},
    )
