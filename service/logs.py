"""Logs of both processes: one line per thing that happened, as JSON or for people."""

import logging
import sys
from typing import Any

import structlog

#: They would log parameters of queries, or what this service logs itself.
_QUIET = ("databases", "aiobotocore", "botocore", "arq", "asyncio", "aiohttp", "uvicorn.access")

# By default the values of all local variables are shown, secrets and tokens among them.
_TRACEBACKS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure_logs(level: str, *, as_json: bool) -> None:
    """Set up structlog and send the standard library's records through it. To standard output, unbuffered."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Any] = (
        [structlog.processors.ExceptionRenderer(_TRACEBACKS), structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logger = logging.getLogger(name)
        # arq's command line gives its logger a handler of its own.
        logger.handlers.clear()
        logger.setLevel(logging.WARNING)
