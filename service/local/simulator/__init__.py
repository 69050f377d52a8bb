"""A simulated PDPJ portal, as nasty as the real one, for the demo and the tests. It holds no real case."""

from service.local.simulator.application import create_portal
from service.local.simulator.cases.build import CaseSpec, DocumentSpec, build_case, make_case
from service.local.simulator.cases.cases import Case, CaseDocument, Kind, synthetic_number
from service.local.simulator.cases.content import content_chunks, sha256_of, text_of
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
from service.local.simulator.cases.living import DocumentChange, FiledDocument, FiledMovement
from service.local.simulator.cases.samples import sample_cases
from service.local.simulator.faults import EVERY_DOCUMENT, FOR_EVER, Fault, FaultKind, Script
from service.local.simulator.remote import PortalControl, RefusedControl
from service.local.simulator.server import running_portal, server_config
from service.local.simulator.state import PortalConfiguration, SimulatedPortal

__all__ = [
    "EVERY_DOCUMENT",
    "FOR_EVER",
    "Case",
    "CaseDocument",
    "CaseSpec",
    "ComplementSpec",
    "DocumentChange",
    "DocumentSpec",
    "Facts",
    "Fault",
    "FaultKind",
    "FiledDocument",
    "FiledMovement",
    "Instance",
    "Kind",
    "MovementSpec",
    "PartySpec",
    "PortalConfiguration",
    "PortalControl",
    "RefusedControl",
    "RelatedSpec",
    "RepresentativeSpec",
    "Script",
    "Shape",
    "SimulatedPortal",
    "build_case",
    "content_chunks",
    "create_portal",
    "make_case",
    "running_portal",
    "sample_cases",
    "server_config",
    "sha256_of",
    "synthetic_number",
    "text_of",
]
