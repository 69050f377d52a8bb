"""The clock of the loop that the tests run in, for what would else depend on how busy the machine is."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_STEP = 0.02  # seconds between two ticks
_LONGEST = 2 * _STEP  # seconds that pass at once at most: where it was more, the process stood still


class LoopClock:
    """Goes on with the time, but not while the process stands still; can be put forward."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._time_of_machine = loop.time
        self._seen = self._now = loop.time()
        self._next = loop.call_soon(self._tick)

    def time(self) -> float:
        """As `loop.time`, in seconds."""
        seen = self._time_of_machine()
        self._now += min(seen - self._seen, _LONGEST)
        self._seen = seen
        return self._now

    def put_forward(self, seconds: float) -> None:
        """Let time pass at once: what waits for it goes on."""
        self._now += seconds

    def stop(self) -> None:
        """Tick no more."""
        self._next.cancel()

    def _tick(self) -> None:
        # A loop that sleeps for longer than this could not be told from one that stands still.
        self._next = self._loop.call_later(_STEP, self._tick)


@contextmanager
def running_loop_clock() -> Iterator[LoopClock]:
    """What the loop reads meanwhile: whoever has something to do does it before much time has passed for others."""
    loop = asyncio.get_running_loop()
    time_of_machine, clock = loop.time, LoopClock(loop)
    loop.time = clock.time  # type: ignore[method-assign]  # asyncio has no other way to another clock
    try:
        yield clock
    finally:
        clock.stop()
        loop.time = time_of_machine  # type: ignore[method-assign]  # as above
