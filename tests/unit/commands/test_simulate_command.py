"""`autos simulate file` without a stack that runs."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main

NUMBER = "0000123-06.2023.4.03.6100"


def simulate_file(data: Path, number: str = NUMBER, *options: str) -> Result:
    return CliRunner().invoke(main, ["simulate", "file", number, "--data", str(data), *options])


def test_it_says_that_no_stack_runs(tmp_path: Path) -> None:
    told = simulate_file(tmp_path)

    assert (told.exit_code, told.output) == (1, f"Error: no stack runs in {tmp_path}: start it with `make up`\n")


def test_it_says_that_the_stack_was_killed(tmp_path: Path) -> None:
    port_of_nobody = 1
    left = {"PDPJ_BASE_URL": f"http://127.0.0.1:{port_of_nobody}/api/v2", "PORT": "1", "WEBHOOK_ALLOWED_HOSTS": "'a b'"}
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "api-key").write_text("autos_invented\n")
    (tmp_path / "up" / "environment").write_text("\n".join(f"export {name}={value}" for name, value in left.items()))

    assert simulate_file(tmp_path).output.startswith("Error: the simulated portal does not respond")


def test_it_says_that_the_portal_is_the_real_one(tmp_path: Path) -> None:
    (tmp_path / "up-pdpj").mkdir()
    (tmp_path / "up-pdpj" / "environment").write_text("export PORT=1\n")

    assert simulate_file(tmp_path).output.startswith("Error: `autos up` asks the real portal")


def test_it_says_what_a_case_number_is(tmp_path: Path) -> None:
    assert simulate_file(tmp_path, "123").output.startswith("Error: A case number has 20 digits")


@pytest.mark.parametrize("option", ["--name", "--movement"])
def test_it_files_nothing_without_words(tmp_path: Path, option: str) -> None:
    told = simulate_file(tmp_path, NUMBER, option, " ")

    assert told.exit_code == 2
    assert told.output.endswith(f"Invalid value for '{option}': it is blank\n")
