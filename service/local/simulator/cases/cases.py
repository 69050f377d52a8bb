"""Court cases and their documents, as values. Every case number, name and id made here is invented."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from service.local.simulator.cases.facts import Facts, Instance, MovementSpec

_NUMBER = re.compile(r"(\d{7})-?(\d{2})\.?(\d{4})\.?(\d)\.?(\d{2})\.?(\d{4})", re.ASCII)
_NAMESPACE = uuid.UUID("6d1f3a52-7c0e-5b7e-9a53-0f4d5c2b8e11")


class Kind(StrEnum):
    """Format of a document's bytes."""

    PDF = "pdf"
    HTML = "html"
    RTF = "rtf"

    @property
    def media_type(self) -> str:
        return {"pdf": "application/pdf", "html": "text/html", "rtf": "text/richtext"}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDocument:
    """One document of a case, however many times the case lists it.

    `size` is what the binary has, in bytes; `declared_size` is what `arquivo` says, None for no `arquivo`.
    `copies` is the number of lists that show it, each under another uuid and idCodex. `reissues`: how often it got
    new uuids.
    """

    case_number: str
    instance: Instance
    origin_id: str
    sequence: int
    filed_at: str
    name: str
    type_name: str
    type_code: int | None
    kind: Kind
    size: int
    declared_size: int | None
    has_binary_href: bool
    has_text_href: bool
    secrecy: str
    revision: int
    copies: int
    reissues: int = 0

    @property
    def identity(self) -> str:
        """What stays the same across copies: `PRIMEIRO_GRAU/374035672`."""
        return f"{self.instance}/{self.origin_id}"

    @property
    def uuids(self) -> tuple[str, ...]:
        """One uuid (version 5) for each copy, the one of `tramitacaoAtual` first."""
        return tuple(self.uuid_of(copy) for copy in range(self.copies))

    def uuid_of(self, copy: int) -> str:
        again = f"/{self.reissues}" if self.reissues else ""
        return str(uuid.uuid5(_NAMESPACE, f"{self.case_number}/{copy}/{self.identity}{again}"))


@dataclass(frozen=True, slots=True)
class Proceeding:
    """One list of documents in the answer (a `tramitacao`); `copy` tells which uuids it shows."""

    instance: Instance
    documents: tuple[CaseDocument, ...]
    copy: int
    source: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case as the portal lists it: `current` is `tramitacaoAtual`, `others` are `tramitacoes`.

    `movements`: those of all instances, each in the order of filing.
    """

    number: str
    court: str
    current: Proceeding
    others: tuple[Proceeding, ...] = ()
    bare_object: bool = False
    newest_first: bool = True
    secrecy_level: int = 0
    facts: Facts
    movements: tuple[MovementSpec, ...] = ()

    @property
    def proceedings(self) -> tuple[Proceeding, ...]:
        return (self.current, *self.others)

    @property
    def documents(self) -> tuple[CaseDocument, ...]:
        """Each document once, whatever the number of lists that show it."""
        return tuple(one for part in self.proceedings if part.copy == 0 for one in part.documents)

    def addresses(self) -> Iterator[tuple[str, CaseDocument]]:
        """Every uuid of the case with the document that it leads to."""
        for document in self.documents:
            for address in document.uuids:
                yield address, document


def masked(number: str) -> str:
    """`NNNNNNN-DD.AAAA.J.TR.OOOO` of a masked or 20-digit number; check digits are not verified.

    Raises ValueError for anything else.
    """
    found = _NUMBER.fullmatch(number)
    if found is None:
        raise ValueError(f"not a case number: {number[:40]!r}")
    sequence, check, year, segment, court, unit = found.groups()
    return f"{sequence}-{check}.{year}.{segment}.{court}.{unit}"


def synthetic_number(sequence: int, *, year: int = 2024, segment: int = 8, court: int = 26) -> str:
    """A masked number with right check digits (CNJ Resolution 65/2008, ISO 7064 mod 97)."""
    body = f"{sequence:07d}{year:04d}{segment}{court:02d}0001"
    check = 98 - int(body + "00") % 97
    return masked(f"{body[:7]}{check:02d}{body[7:]}")
