"""A clock for the loop of the tests, so that timeouts do not depend on the load of the machine."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_STEP = 0.02  # seconds between two ticks
_LONGEST = 2 * _STEP  # seconds that pass at once at most: where it was more, the process stood still


class LoopClock:
    """Advances with the time, but not while the process is frozen. It can be put forward."""

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
        """Advance the clock at once."""
        self._now += seconds

    def stop(self) -> None:
        self._next.cancel()

    def _tick(self) -> None:
        # A loop that sleeps for longer than this looks like a frozen one.
        self._next = self._loop.call_later(_STEP, self._tick)


@contextmanager
def running_loop_clock() -> Iterator[LoopClock]:
    """Let the loop read this clock during the block: ready tasks run before much time passes."""
    loop = asyncio.get_running_loop()
    time_of_machine, clock = loop.time, LoopClock(loop)
    loop.time = clock.time  # type: ignore[method-assign]  # asyncio has no other way to another clock
    try:
        yield clock
    finally:
        clock.stop()
        loop.time = time_of_machine  # type: ignore[method-assign]  # as above
