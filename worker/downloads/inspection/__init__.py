"""Whether what came is the document that was promised, judged while it passes through."""

from worker.downloads.inspection.inspection import Inspection
from worker.downloads.inspection.kinds import is_textual
from worker.downloads.inspection.rendition import Rendition
from worker.downloads.inspection.sample import Doubted, Expected, Received

__all__ = ["Doubted", "Expected", "Inspection", "Received", "Rendition", "is_textual"]
