"""The error of the stack of one machine."""

from pathlib import Path


class LocalStackError(Exception):
    """The stack could not be started, or one of its servers could not be acted on.

    The message is one line, fit to be shown as it is: it names the server and, where there is one, its log file.
    """


def last_line(log: Path) -> str:
    """The last line of a log, as the reason to give in an error; cut to 200 characters."""
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "nothing logged")
