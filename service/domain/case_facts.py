"""A case as clients see it: in the main entry, in webhooks and in the manifest of an archive."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.domain.case_data import Complement, Instance, Party, RelatedProcess

#: Parties that a case is shown with; `GET .../parties` lists all of them.
PARTIES_SHOWN = 200


class LastMovement(msgspec.Struct, frozen=True):
    """The newest movement of a case."""

    id: Annotated[UUID, Meta(description="The same after each refresh.")]
    occurred_at: Annotated[datetime | None, Meta(description="When it happened; null if the portal does not say.")]
    description: Annotated[str, Meta(description="As the portal lists it.")]
    instance: Annotated[str, Meta(description="The instance of the court, as the portal lists it.")]


class CaseMovement(LastMovement, frozen=True):
    """A movement of a case: a step of the proceedings."""

    type_code: Annotated[int | None, Meta(description="The code in the national table of movements (TPU).")]
    judging_body: Annotated[str | None, Meta(description="The court body that made it.")]
    complements: Annotated[tuple[Complement, ...], Meta(description="What the court adds to it.")]


class CaseFacts(msgspec.Struct, frozen=True):
    """A case without its documents, as the portal listed it last."""

    process_number: Annotated[str, Meta(description="The case number, masked.")]
    court: Annotated[str | None, Meta(description="The court's abbreviation.")]
    court_class: Annotated[str | None, Meta(description="What kind of case it is.")]
    subject: Annotated[str | None, Meta(description="The first of its subjects.")]
    filed_at: Annotated[datetime | None, Meta(description="When the case was filed.")]
    secrecy_level: Annotated[int | None, Meta(description="0 for a public case.")]
    value: Annotated[float | None, Meta(description="The amount in dispute, in reais.")]
    judging_body: Annotated[str | None, Meta(description="The court body that has the case now.")]
    instances: Annotated[tuple[Instance, ...], Meta(description="Each instance that the case has been in.")]
    parties: Annotated[
        tuple[Party, ...],
        Meta(description=f"At most {PARTIES_SHOWN}; `GET /processes/{{number}}/parties` lists all of them."),
    ]
    parties_total: Annotated[int, Meta(description="How many parties the case has.")]
    movements_total: Annotated[int, Meta(description="How many movements the portal lists.")]
    last_movement: Annotated[LastMovement | None, Meta(description="The newest one; null if there is none.")]
    related_processes: Annotated[tuple[RelatedProcess, ...], Meta(description="Cases that the portal names with it.")]
    listed_at: Annotated[datetime | None, Meta(description="When the portal was last asked; null if it never listed.")]


def with_names(facts: CaseFacts, named: Collection[str]) -> CaseFacts:
    """The case with the names of only these parties. The others are shown as sealed, without their representatives."""
    parties = tuple(
        each if each.name is None or each.name in named else Party(each.pole, each.role, kind=each.kind, is_sealed=True)
        for each in facts.parties
    )
    return msgspec.structs.replace(facts, parties=parties)


def unlisted(number: str) -> CaseFacts:
    """A case of which nothing is known. `number`: masked."""
    return CaseFacts(number, None, None, None, None, None, None, None, (), (), 0, 0, None, (), None)


def has_data(facts: CaseFacts) -> bool:
    """Whether a listing brought more of the case than versions before this one kept."""
    known = (facts.value, facts.judging_body, facts.last_movement)
    lists = (facts.instances, facts.parties_total, facts.movements_total, facts.related_processes)
    return any(each is not None for each in known) or any(lists)
