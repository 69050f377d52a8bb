"""Packages of npm for tests, pinned in `tests/javascript`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import REPOSITORY

PACKAGES = REPOSITORY / "tests" / "javascript"
OFFLINE = ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")
needs_node = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="there is no Node.js here")


def install_packages(directory: Path) -> None:
    """Put the pinned packages below a directory. Skips the test if there is no network, but never in CI."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGES / name, directory)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    installed = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=100)
    if installed.returncode and any(code in installed.stderr for code in OFFLINE) and "CI" not in os.environ:
        pytest.skip("the packages cannot be fetched: no network")
    assert installed.returncode == 0, installed.stderr
