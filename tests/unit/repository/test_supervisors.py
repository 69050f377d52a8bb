"""The units of docs/operating.md start existing programs, and give them enough time to stop."""

import configparser
import re

from tests.support.pages import Page
from tests.support.processes import REPOSITORY
from worker.shutdown import SHUTDOWN_TIMEOUT

PAGE = Page("docs/operating.md")
PROCFILE = dict(line.split(": ", 1) for line in (REPOSITORY / "Procfile").read_text().splitlines())
WEB_DRAINS = 5  # seconds, in production


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    parser.read_string(PAGE.one("ini", having="[Service]"))
    return parser


def test_the_unit_starts_a_process_of_the_procfile_by_its_name() -> None:
    service = unit()["Service"]
    folder = service["WorkingDirectory"]

    program, name = service["ExecStart"].removeprefix(f"{folder}/").split()
    assert (REPOSITORY / program).stat().st_mode & 0o111
    assert name == "%i"
    assert service["Environment"].startswith(f"PATH={folder}/.venv/bin:")
    enabled = re.findall(r"autos@(\w+)", PAGE.text.partition("systemctl enable")[2].partition("`")[0])
    assert set(enabled) == set(PROCFILE) - {"release"}


def test_the_unit_waits_for_the_orderly_end_of_each_process() -> None:
    [graceful] = re.findall(r"--timeout-graceful-shutdown (\d+)", PROCFILE["web"])

    assert int(unit()["Service"]["TimeoutStopSec"]) > max(SHUTDOWN_TIMEOUT, WEB_DRAINS + int(graceful))


def test_what_ends_at_once_is_not_started_beside_what_stays() -> None:
    [named] = re.findall(r"`honcho start ([^`]+)`", PAGE.text)

    assert named.split() == [name for name in PROCFILE if name != "release"]
