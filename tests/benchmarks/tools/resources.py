"""Memory and CPU of a process. Needs Linux."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def resident(pid: int, name: str = "VmRSS") -> float:
    """A memory figure of a process in MiB: VmRSS is the current one, VmHWM the highest."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(kilobytes) / 1024


def forget_peak(pid: int) -> None:
    """Reset VmHWM to the current resident memory; see clear_refs in proc(5)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def cpu_seconds(pid: int) -> float:
    """User and system time so far; see stat in proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
