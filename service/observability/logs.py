"""Logs of both processes: one line per event, as JSON or for people."""

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
#: Loggers that come with their own handlers, which do not write JSON.
_WITH_HANDLERS = ("arq", "uvicorn", "uvicorn.error")

_SHORTEST_SECRET = 8  # characters; a shorter value occurs inside too many words
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

# The default shows the values of all local variables, which may be secrets and tokens.
_TRACEBACKS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


class Redaction:
    """The last processor of a line: replaces the given secrets, and everything that looks like a secret.

    A safety net for mistakes. Nothing relies on it: secrets are not logged in the first place.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """`secrets` are replaced in any context, except those of fewer than 8 characters."""
        known = {spelling for secret in secrets if len(secret) >= _SHORTEST_SECRET for spelling in _spellings(secret)}
        # The longest first: one may be the beginning of another.
        values = [re.escape(each) for each in sorted(known, key=len, reverse=True)]
        self._pattern = re.compile("|".join((*values, *_SHAPES)), re.IGNORECASE)

    def __call__(self, _logger: WrappedLogger, _method: str, line: str) -> str:
        """A structlog processor that runs after the renderer."""
        return self._pattern.sub(_REDACTED, line)


def _spellings(secret: str) -> tuple[str, ...]:
    return secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]


def configure_logs(level: str, *, as_json: bool, secrets: Iterable[str] = ()) -> None:
    """Set up structlog for standard output, unbuffered, and send the standard library's records through it too.

    `level` is that of this service's own lines. `secrets` are values that no line may show.
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
    # Below WARNING, libraries log what a log must not have: parameters of queries, whole URLs, headers.
    root.setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger(_OWN).setLevel(level)
    # arq's command line adds a handler after this, which does not write JSON. A filter runs before that handler: it
    # writes the record and returns False.
    arq = logging.getLogger("arq.worker")
    arq.filters.clear()
    arq.addFilter(lambda record: not handler.handle(record))
    for name in _WITH_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    logging.getLogger("uvicorn").setLevel(max(logging.INFO, logging.getLevelName(level)))
    # The service writes its own line per request.
    access = logging.getLogger("uvicorn.access")
    access.handlers = [logging.NullHandler()]
    access.propagate = False


def _json_renderer() -> list[Any]:
    # The JSON encoder escapes every character that could end a line.
    return [structlog.processors.ExceptionRenderer(_TRACEBACKS), structlog.processors.JSONRenderer()]


def _console_renderer() -> list[Any]:
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=_write_traceback)
    return [_escape_values, renderer]


def _escape_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape values, so that none can forge a log line or control the terminal."""
    return {name: _escape(value) if isinstance(value, str) else value for name, value in event.items()}


def _escape(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _write_traceback(output: TextIO, exc_info: ExcInfo) -> None:
    """Without the values of variables, and indented, so that none of its lines looks like a log line."""
    for block in traceback.format_exception(*exc_info):
        output.writelines(f"\n    {_escape(line)}" for line in block.splitlines())
