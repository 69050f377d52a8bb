"""The service names one version everywhere."""

import re
import tomllib
from pathlib import Path

from click.testing import CliRunner

from service.api.openapi import document
from service.api.routes import ROUTES
from service.cli import main
from service.domain.version import VERSION

REPOSITORY = Path(__file__).resolve().parents[3]


def test_it_is_the_version_of_the_package_and_of_the_document_of_the_api() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())

    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "service.domain.version.VERSION"}
    assert document.document(ROUTES, server="/")["info"]["version"] == VERSION


def test_the_command_line_says_it() -> None:
    said = CliRunner().invoke(main, ["--version"])

    assert (said.exit_code, said.output) == (0, f"autos {VERSION}\n")


def test_the_changelog_is_about_it() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)
    coming = re.findall(r"^The next release is (\d+\.\d+\.\d+)", changelog, re.MULTILINE)

    # Before its release, this version is the next one.
    assert (coming or released)[0] == VERSION
