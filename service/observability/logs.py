"""Logs of both processes: one line per thing that happened, as JSON or for people."""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger

_OWN = "autos"
#: They come with handlers of their own, which know nothing of JSON.
_WITH_HANDLERS = ("arq", "uvicorn", "uvicorn.error")

_SHORTEST_SECRET = 8  # characters; a shorter value is part of too many words
_REDACTED = "[redacted]"
_END = r"[^\s\"'\\&,;<>]"  # what a secret may consist of, in JSON as well as in a text
_SHAPES = (
    rf"(?<=bearer ){_END}+",
    r"\beyJ[\w-]+\.[\w-]+\.[\w-]*",
    r"\bautos_[\w-]{20,}",
    r"\bwhsec_[\w+/=-]+",
    rf"(?<=x-amz-signature=){_END}+",
    rf"(?<=x-amz-credential=){_END}+",
    rf"(?<=x-amz-security-token=){_END}+",
    # The password of a URL.
    r"(?<=://)[^\s\"'\\/@]*:[^\s\"'\\/@]+(?=@)",
)

# By default the values of all local variables are shown, secrets and tokens among them.
_TRACEBACKS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


class Redaction:
    """The last thing that happens to a line: what looks like a secret, or is one of those given, is taken out.

    A net for mistakes. Nothing relies on it: secrets are not logged in the first place.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take `secrets` out too, whatever they look like; those of fewer than 8 characters are left alone."""
        known = {spelling for secret in secrets if len(secret) >= _SHORTEST_SECRET for spelling in _spellings(secret)}
        # The longest first: one may be the beginning of another.
        values = [re.escape(each) for each in sorted(known, key=len, reverse=True)]
        self._pattern = re.compile("|".join((*values, *_SHAPES)), re.IGNORECASE)

    def __call__(self, _logger: WrappedLogger, _method: str, line: str) -> str:
        """Structlog's processor behind the renderer."""
        return self._pattern.sub(_REDACTED, line)


def _spellings(secret: str) -> tuple[str, ...]:
    return secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]


def configure_logs(level: str, *, as_json: bool, secrets: Iterable[str] = ()) -> None:
    """Set up structlog and send the standard library's records through it. To standard output, unbuffered.

    `level` is that of this service's own lines. `secrets` are the values that no line may have.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=lambda *_names: logging.getLogger(_OWN),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
    )
    renderer = _json_renderer() if as_json else _console_renderer()
    output: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        *renderer,
        Redaction(secrets),
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=output))
    _route(handler, level.upper())


def _route(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers = [handler]
    # Below a warning libraries say what must not be in a log: parameters of queries, whole URLs, headers.
    root.setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger(_OWN).setLevel(level)
    # arq's command line gives it another handler after this, which knows nothing of JSON; a filter comes first.
    arq = logging.getLogger("arq.worker")
    arq.filters.clear()
    arq.addFilter(lambda record: not handler.handle(record))
    for name in _WITH_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    logging.getLogger("uvicorn").setLevel(max(logging.INFO, logging.getLevelName(level)))
    # The service writes the one line of a request itself.
    access = logging.getLogger("uvicorn.access")
    access.handlers = [logging.NullHandler()]
    access.propagate = False


def _json_renderer() -> list[Any]:
    # Its encoder escapes every character that could end a line.
    return [structlog.processors.ExceptionRenderer(_TRACEBACKS), structlog.processors.JSONRenderer()]


def _console_renderer() -> list[Any]:
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=_write_traceback)
    return [_escape_values, renderer]


def _escape_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Let no value begin a line that looks like another one, or steer the terminal."""
    return {name: _escape(value) if isinstance(value, str) else value for name, value in event.items()}


def _escape(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _write_traceback(output: TextIO, exc_info: ExcInfo) -> None:
    """Without the values of variables, and indented: a line of it cannot be taken for one of the log."""
    for block in traceback.format_exception(*exc_info):
        output.writelines(f"\n    {_escape(line)}" for line in block.splitlines())
