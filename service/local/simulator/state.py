"""The portal's state: its cases, its configuration, the script of its faults, the journal of its requests."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec

from service.local.simulator.cases.cases import Case, CaseDocument, masked
from service.local.simulator.cases.content import sha256_of
from service.local.simulator.faults import Script
from service.local.simulator.journal import Journal
from service.local.simulator.listing import listing_json

_FIRST_RENDER = 1_000_000  # no case has a revision of its own as high
_NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class PortalConfiguration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`bytes_per_second` limits each body by itself, 0 for no limit. `browser_only` refuses a User-Agent without
    `Mozilla/`. `unknown_case`: 200 with `[]`, or 404, or a 500 of the index beside a search that
    answers 404. `renders`: each request gets other bytes of a document, of the
    same size. `mortal_tokens` are accepted beside `token`, each until its Unix time.
    """

    token: Annotated[str, msgspec.Meta(min_length=1)]
    latency_listing_ms: _NotNegative = 0
    latency_binary_ms: _NotNegative = 0
    bytes_per_second: Annotated[int, msgspec.Meta(ge=0)] = 0
    browser_only: bool = False
    unknown_case: Literal["empty_list", "not_found", "not_indexed"] = "empty_list"
    renders: bool = False
    mortal_tokens: Mapping[str, float] = {}


class HeldCase:
    """A case with what is computed from it once: its answer, its addresses, its digests."""

    def __init__(self, case: Case) -> None:
        self.case = case

    @cached_property
    def listing(self) -> bytes:
        return listing_json(self.case)

    @cached_property
    def by_address(self) -> Mapping[str, CaseDocument]:
        return dict(self.case.addresses())

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of each binary by the document's identity. Reads every byte of the case: slow for large ones."""
        return {document.identity: sha256_of(document) for document in self.case.documents}


class SimulatedPortal:
    """Everything that requests read and control endpoints change; used within one event loop."""

    def __init__(self, configuration: PortalConfiguration, cases: Iterable[Case], script: Script) -> None:
        self._first_configuration = configuration
        self._first_cases = tuple(cases)
        self.configuration = configuration
        self.script = script
        self.journal = Journal()
        self.cases: dict[str, HeldCase] = {}
        self._renders = 0
        self._put_first_cases()

    def put_case(self, case: Case) -> None:
        """Adds the case, or replaces the one with its number."""
        self.cases[case.number] = HeldCase(case)

    def held(self, number: str) -> HeldCase | None:
        """The case of a masked or 20-digit number. Raises ValueError for a malformed one."""
        return self.cases.get(masked(number))

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Changes some fields of the configuration, or none if one is wrong: raises msgspec.ValidationError then."""
        merged = {**msgspec.structs.asdict(self.configuration), **changes}
        self.configuration = msgspec.convert(merged, PortalConfiguration)

    def rendered(self, document: CaseDocument) -> CaseDocument:
        """The document as this request gets it: with `renders`, another revision each time."""
        if not self.configuration.renders:
            return document
        self._renders += 1
        return replace(document, revision=_FIRST_RENDER + self._renders)

    def accepts(self, token: str) -> bool:
        """Whether a bearer token is good now."""
        return token == self.configuration.token or self.configuration.mortal_tokens.get(token, 0) > time.time()

    def reset(self) -> None:
        """Back to the cases and the configuration of the start; no faults, an empty journal."""
        self.configuration = self._first_configuration
        self.script.clear()
        self.journal.clear()
        self.cases.clear()
        self._put_first_cases()

    def _put_first_cases(self) -> None:
        for case in self._first_cases:
            self.put_case(case)
