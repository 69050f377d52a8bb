"""Checks, while the bytes stream through, that they are the document that the portal listed."""

from worker.downloads.inspection.inspection import Inspection
from worker.downloads.inspection.kinds import is_textual
from worker.downloads.inspection.rendition import Rendition
from worker.downloads.inspection.sample import Doubted, Expected, Received

__all__ = ["Doubted", "Expected", "Inspection", "Received", "Rendition", "is_textual"]
