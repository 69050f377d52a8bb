"""The environment of the servers."""

import os
from pathlib import Path

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def server_environment(**additions: str) -> dict[str, str]:
    """A few variables of this process, and the additions.

    The rest is left out: PGOPTIONS, RCLONE_* and similar ones would configure the servers, and the servers must not
    have the secrets of the user.
    """
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | additions


def python_path() -> str:
    """A PYTHONPATH with which a child started elsewhere imports this package too."""
    here = str(Path(__file__).parents[2])
    return os.pathsep.join(path for path in (here, os.environ.get("PYTHONPATH")) if path)
