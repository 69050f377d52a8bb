"""`timed.py COMMAND ...`: runs a program, and prints the time, CPU and memory of it and its children.

A small process of its own, because the peak memory of a new program starts at the size of its parent.
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
