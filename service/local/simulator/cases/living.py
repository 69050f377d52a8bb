"""A case that lives: documents and movements are filed, replaced and removed. Each function returns a new case."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from service.local.simulator.cases.cases import Case, CaseDocument, Kind, Proceeding
from service.local.simulator.cases.content import check_size
from service.local.simulator.cases.facts import Instance, MovementSpec, Shape

_BRASILIA = ZoneInfo("America/Sao_Paulo")
_Positive = Annotated[int, msgspec.Meta(ge=1)]


class FiledDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document to file. `size` in bytes. By default it joins the list of `tramitacaoAtual`."""

    name: str = "Petição de exemplo.pdf"
    type: str = "Petição"
    kind: Kind = Kind.PDF
    size: _Positive = 24_000
    instance: Instance | None = None
    origin_id: str | None = None
    secrecy: str = "PUBLICO"


class FiledMovement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A movement to file. `occurred_at`: ISO time without offset, by default now."""

    description: Annotated[str, msgspec.Meta(min_length=1)] = "Movimento de exemplo"
    occurred_at: str | None = None
    instance: Instance | None = None
    type_code: int | None = None


class DocumentChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What replaces a document: other bytes (`revision`, `size`), or the same ones at new addresses (`is_reissued`)."""

    name: str | None = None
    size: _Positive | None = None
    secrecy: str | None = None
    is_revised: bool = False
    is_reissued: bool = False


def file_document(case: Case, filed: FiledDocument) -> tuple[Case, CaseDocument]:
    """The case with one more document, the newest of its list, in each copy of that list.

    Raises ValueError if the origin_id is taken, the size too small for the kind, or no list is of that instance.
    """
    instance = filed.instance or case.current.instance
    lists = [part for part in case.proceedings if part.instance is instance]
    if not lists:
        raise ValueError(f"the case has no list of {instance}")
    document = _document(case, filed, instance, len(lists))
    check_size(document)
    return _with_documents(case, lambda part: _appended(part, document)), document


def file_movement(case: Case, filed: FiledMovement) -> tuple[Case, MovementSpec]:
    """The case with one more movement. Raises ValueError for a time that is not ISO, or an instance without a list."""
    instance = filed.instance or case.current.instance
    if instance not in {part.instance for part in case.proceedings}:
        raise ValueError(f"the case has no list of {instance}")
    occurred_at = filed.occurred_at or now().isoformat(timespec="milliseconds")
    datetime.fromisoformat(occurred_at)
    shape = case.movements[-1].shape if case.movements else Shape.DETAIL
    movement = MovementSpec(
        description=filed.description,
        occurred_at=occurred_at,
        instance=instance,
        type_code=filed.type_code,
        shape=shape,
    )
    return replace(case, movements=(*case.movements, movement)), movement


def change_document(case: Case, target: str, change: DocumentChange) -> tuple[Case, CaseDocument]:
    """The case with a replaced document. `target`: an idOrigem, or a uuid. Raises KeyError if it is not there."""
    old = _found(case, target)
    new = replace(
        old,
        name=change.name or old.name,
        size=change.size or old.size,
        declared_size=None if old.declared_size is None else change.size or old.declared_size,
        secrecy=change.secrecy or old.secrecy,
        revision=old.revision + change.is_revised,
        reissues=old.reissues + change.is_reissued,
    )
    check_size(new)
    return _with_documents(case, lambda part: tuple(new if one is old else one for one in part.documents)), new


def remove_document(case: Case, target: str) -> Case:
    """The case without a document. `target`: an idOrigem, or a uuid. Raises KeyError if it is not there."""
    old = _found(case, target)
    return _with_documents(case, lambda part: tuple(one for one in part.documents if one is not old))


def now() -> datetime:
    """The time in Brasília, without offset, as the portal writes times."""
    return datetime.now(_BRASILIA).replace(tzinfo=None)


def _document(case: Case, filed: FiledDocument, instance: Instance, copies: int) -> CaseDocument:
    filed_at = now()
    return CaseDocument(
        case_number=case.number,
        instance=instance,
        origin_id=_free_id(case, filed.origin_id, filed_at),
        sequence=max((one.sequence for one in case.documents), default=0) + 1,
        filed_at=filed_at.isoformat(timespec="milliseconds"),
        name=filed.name,
        type_name=filed.type,
        type_code=None,
        kind=filed.kind,
        size=filed.size,
        declared_size=filed.size,
        has_binary_href=True,
        has_text_href=True,
        secrecy=filed.secrecy,
        revision=1,
        copies=copies,
    )


def _free_id(case: Case, wanted: str | None, filed_at: datetime) -> str:
    """An idOrigem that no document of the case has: an id that was removed comes back only if it is wanted."""
    taken = {one.origin_id for one in case.documents}
    if wanted is not None:
        if wanted in taken:
            raise ValueError(f"the case has a document with the origin_id {wanted!r} already")
        return wanted
    number = int(filed_at.timestamp() * 1000)
    while str(number) in taken:
        number += 1
    return str(number)


def _appended(part: Proceeding, document: CaseDocument) -> tuple[CaseDocument, ...]:
    return (*part.documents, document) if part.instance is document.instance else part.documents


def _found(case: Case, target: str) -> CaseDocument:
    for document in case.documents:
        if target == document.origin_id or target in document.uuids:
            return document
    raise KeyError(target)


def _with_documents(case: Case, documents_of: Callable[[Proceeding], tuple[CaseDocument, ...]]) -> Case:
    current, *others = (replace(part, documents=documents_of(part)) for part in case.proceedings)
    return replace(case, current=current, others=tuple(others))
