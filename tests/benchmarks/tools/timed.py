"""`timed.py COMMAND ...`: runs a program and says what it and its children took.

A process of its own, and a small one: what a program that was just started seems to need begins with its parent's size.
"""

import json
import resource
import subprocess
import sys
import time


def main() -> int:
    """The program's exit code."""
    begin = time.monotonic()
    code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = usage.ru_utime + usage.ru_stime
    print(json.dumps({"seconds": time.monotonic() - begin, "cpu": cpu, "peak": usage.ru_maxrss / 1024}))  # noqa: T201  (a command's output)
    return code


if __name__ == "__main__":
    sys.exit(main())
