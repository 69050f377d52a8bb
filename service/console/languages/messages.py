"""The texts of all pages by their keys, and one of them in a language."""

from collections.abc import Mapping
from typing import Any

from service.console.languages.choice import Language
from service.console.languages.formats import Formats
from service.console.languages.tables.cases import CASE_TEXTS
from service.console.languages.tables.deliveries import DELIVERY_TEXTS
from service.console.languages.tables.endpoints import ENDPOINT_TEXTS
from service.console.languages.tables.frame import FRAME_TEXTS
from service.console.languages.tables.jobs import JOB_TEXTS
from service.console.languages.tables.monitors import MONITOR_TEXTS
from service.console.languages.tables.overview import OVERVIEW_TEXTS
from service.console.languages.tables.problems import PROBLEM_TEXTS
from service.console.languages.tables.reasons import REASON_TEXTS
from service.console.languages.tables.shares import SHARE_TEXTS
from service.console.languages.tables.statuses import STATUS_TEXTS
from service.console.languages.tables.users import USER_TEXTS
from service.console.languages.texts import Text

#: Keys are `topic.name`. A key that stands in two tables is found by a test.
TABLES: tuple[Mapping[str, Text], ...] = (
    CASE_TEXTS,
    DELIVERY_TEXTS,
    ENDPOINT_TEXTS,
    FRAME_TEXTS,
    JOB_TEXTS,
    MONITOR_TEXTS,
    OVERVIEW_TEXTS,
    PROBLEM_TEXTS,
    REASON_TEXTS,
    SHARE_TEXTS,
    STATUS_TEXTS,
    USER_TEXTS,
)
MESSAGES: Mapping[str, Text] = {key: text for table in TABLES for key, text in table.items()}


def message(language: Language, key: str, **parts: Any) -> str:
    """A text in a language. Whole numbers among the parts are written as the language does. Raises `KeyError`."""
    text = MESSAGES[key]
    is_english = language is Language.ENGLISH
    template = text.en if is_english else text.pt
    if text.one is not None and parts.get("count") == 1:
        template = text.one[is_english]
    formats = Formats(language)
    return template.format(**{name: _part(formats, value) for name, value in parts.items()})


def _part(formats: Formats, value: Any) -> Any:
    return formats.number(value) if isinstance(value, int) and not isinstance(value, bool) else value
