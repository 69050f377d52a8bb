"""Run `python -m MODULE ARGUMENT...`, given as the arguments of this module, for as long as stdin is open.

The process that starts it holds the other end of its stdin, which the system closes when that process ends.
"""

import os
import runpy
import signal
import sys
import threading
import time

KILL_DELAY = 10.0
"""Seconds from the end of stdin to the moment at which a module that has not ended is killed."""


def _end_with_stdin() -> None:
    # Not through sys.stdin: while this thread waits it would hold a lock that the interpreter needs when it exits.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(KILL_DELAY)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run the module in this process, with its own arguments."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
