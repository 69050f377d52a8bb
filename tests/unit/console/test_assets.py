"""The script and the style sheet: small, of our own, and in the wheel and the image."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import service.console
from service.console.framework.assets import ASSET_TYPES, asset, asset_path
from tests.support.processes import REPOSITORY

CONSOLE = Path(service.console.__file__).parent
SCRIPT, STYLES = CONSOLE / "static" / "console.js", CONSOLE / "static" / "console.css"
SCRIPT_LINES = 250
STYLE_BYTES = 16_000
#: With trusted types each of them would be an error in the browser, or markup from text.
FORBIDDEN = (
    r"innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write|\beval\b|new Function|\.style\b|cssText|https?:"
)


def test_there_is_one_short_script_that_makes_no_markup_from_text() -> None:
    text = SCRIPT.read_text()

    assert [path.name for path in CONSOLE.rglob("*.js")] == [SCRIPT.name]
    assert len(text.splitlines()) <= SCRIPT_LINES
    assert re.findall(FORBIDDEN, text) == []


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
def test_the_script_is_a_module_without_mistakes_of_form(tmp_path: Path) -> None:
    module = tmp_path / "console.mjs"
    module.write_bytes(SCRIPT.read_bytes())

    checked = subprocess.run(["node", "--check", module], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_styles_are_small_and_load_nothing() -> None:
    text = STYLES.read_text()

    assert len(text.encode()) <= STYLE_BYTES
    assert re.findall(r"@import|url\(", text) == []


def test_every_file_has_a_path_that_changes_with_its_bytes() -> None:
    assert {path.name for path in (CONSOLE / "static").iterdir()} == set(ASSET_TYPES)
    for name in ASSET_TYPES:
        assert asset_path(name) == f"/console/static/{asset(name).digest}/{name}"
        assert len(asset(name).digest) == 16


def test_the_wheel_has_the_templates_and_the_files() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["service"]
    packed = {path for pattern in patterns for path in (REPOSITORY / "service").glob(pattern)}
    data = {path for path in CONSOLE.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}

    assert data
    assert data <= packed
