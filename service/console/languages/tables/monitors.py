"""Monitors."""

from collections.abc import Mapping

from service.console.languages.texts import Text

MONITOR_TEXTS: Mapping[str, Text] = {
    "done.check_requested": Text("O portal será consultado em instantes.", "The portal will be asked in a moment."),
}
