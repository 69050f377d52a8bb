"""Counts the calls of the product's functions for each request, job and delivery of this process.

A call belongs to the id that is bound for the log where it is made, or where its task was started. SIGUSR1 starts the
count, so that the imports of a start cost nothing. SIGUSR2 ends it and writes to the directory $COUNTED.
"""

import json
import os
import signal
import sys
from collections import Counter, defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = f"{Path.cwd()}/"
PRODUCT = (f"{ROOT}service/", f"{ROOT}worker/")
IDS = ("delivery_id", "job_id", "request_id")  # a job has a request id too; the first of these counts
calls: defaultdict[str, Counter[str]] = defaultdict(Counter)


def count(frame: FrameType, event: str, _argument: Any) -> None:
    """Count a call. Python does not call this for what is called here."""
    code = frame.f_code
    if event != "call" or not code.co_filename.startswith(PRODUCT) or code.co_name == "<module>":
        return
    bound = sys.modules["structlog.contextvars"].get_contextvars()
    if (key := next((str(bound[each]) for each in IDS if each in bound), None)) is not None:
        calls[key][f"{code.co_filename.removeprefix(ROOT)} {code.co_qualname}"] += 1


def write(*_: Any) -> None:
    """Write the counts; a reader that finds the file finds all of it."""
    sys.setprofile(None)
    path = Path(os.environ["COUNTED"]) / f"{os.getpid()}.json"
    path.with_suffix(".part").write_text(json.dumps(calls))
    path.with_suffix(".part").rename(path)


signal.signal(signal.SIGUSR1, lambda *_: sys.setprofile(count))
signal.signal(signal.SIGUSR2, write)
