"""A simulated PDPJ portal, as nasty as the real one, for the demo and the tests. No real case is in it."""

from service.local.portal.application import create_portal
from service.local.portal.build import CaseSpec, DocumentSpec, build_case, make_case
from service.local.portal.cases import Case, CaseDocument, Instance, Kind, synthetic_number
from service.local.portal.content import content_chunks, sha256_of, text_of
from service.local.portal.faults import EVERY_DOCUMENT, FOR_EVER, Fault, FaultKind, Script
from service.local.portal.remote import PortalControl
from service.local.portal.samples import sample_cases
from service.local.portal.server import running_portal, server_config
from service.local.portal.state import PortalConfiguration, SimulatedPortal

__all__ = [
    "EVERY_DOCUMENT",
    "FOR_EVER",
    "Case",
    "CaseDocument",
    "CaseSpec",
    "DocumentSpec",
    "Fault",
    "FaultKind",
    "Instance",
    "Kind",
    "PortalConfiguration",
    "PortalControl",
    "Script",
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
