"""Whether what came is the document that was promised, judged while it passes through."""

from worker.inspection.inspection import Inspection
from worker.inspection.kinds import is_textual
from worker.inspection.rendition import Rendition
from worker.inspection.sample import Doubted, Expected, Received

__all__ = ["Doubted", "Expected", "Inspection", "Received", "Rendition", "is_textual"]
