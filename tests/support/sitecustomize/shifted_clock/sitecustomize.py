"""Python imports this at its start if the directory is on its path: a machine whose clock is wrong.

`CLOCK_SHIFT` says by how many seconds. The clock is read in C, which cannot be changed from here: so every module of
the worker that reads it is given another one. Timers stay as they are.
"""

import datetime as dt
import os
import time

import arq.utils
import arq.worker
import botocore.auth
import botocore.compat

import service.webhooks.payload
import worker.tasks.deliver_webhook

_SHIFT = float(os.environ["CLOCK_SHIFT"])
_time = time.time


def _shifted_time() -> float:
    return _time() + _SHIFT


def _shifted_utc(*_: object, **__: object) -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(seconds=_SHIFT)


class _ShiftedDatetime(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]  # as wide as what is asked for
        return dt.datetime.now(tz) + dt.timedelta(seconds=_SHIFT)


def _shift(name: str, replacement: object, *modules: object) -> None:
    for module in modules:
        assert hasattr(module, name), (module, name)
        setattr(module, name, replacement)


_shift("time", _shifted_time, time, arq.utils, arq.worker)
_shift("get_current_datetime", _shifted_utc, botocore.auth, botocore.compat)
_shift("datetime", _ShiftedDatetime, service.webhooks.payload, worker.tasks.deliver_webhook)
