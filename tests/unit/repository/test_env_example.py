"""`.env.example` says what the settings are."""

from pathlib import Path

import msgspec
import pytest
from dotenv import dotenv_values

from service.settings import Settings, load_settings

EXAMPLE = Path(__file__).resolve().parents[3] / ".env.example"
FIELDS = {field.encode_name: field for field in msgspec.structs.fields(Settings)}
REQUIRED = {
    "DATABASE_URL": "postgresql://user:password@localhost:5432/name",
    "REDIS_URL": "redis://localhost:6379/0",
    "S3_BUCKET": "documents",
    "PDPJ_TOKEN": "an-invented-token",
}


@pytest.fixture
def shown() -> dict[str, str | None]:
    return dotenv_values(EXAMPLE)


def test_it_names_every_setting_and_nothing_else(shown: dict[str, str | None]) -> None:
    assert set(shown) == set(FIELDS)


def test_a_setting_without_a_default_is_empty_and_called_required(shown: dict[str, str | None]) -> None:
    required = {name for name, field in FIELDS.items() if field.required}
    text = EXAMPLE.read_text()

    # One of the two tokens is needed, so neither is required by itself.
    assert required == set(REQUIRED) - {"PDPJ_TOKEN"}
    for name in required:
        assert shown[name] == ""
        assert text.partition(f"\n{name}=")[0].rpartition("\n")[2].startswith("# Required. ")
    assert text.count("# Required. ") == len(required)


def test_every_default_is_shown(shown: dict[str, str | None]) -> None:
    for name, field in FIELDS.items():
        is_empty = field.required or field.default in (None, ())
        assert (shown[name] == "") == is_empty, name


def test_the_values_shown_are_the_defaults() -> None:
    loaded = load_settings(REQUIRED, env_file=EXAMPLE)

    assert loaded == msgspec.convert(REQUIRED, Settings)


def test_a_copy_that_is_filled_in_loads(tmp_path: Path) -> None:
    copy = tmp_path / ".env"
    text = EXAMPLE.read_text()
    for name, value in REQUIRED.items():
        text = text.replace(f"\n{name}=\n", f"\n{name}={value}\n")
    copy.write_text(text)

    settings = load_settings({}, env_file=copy)

    assert (settings.database_url, settings.pdpj_token) == (REQUIRED["DATABASE_URL"], REQUIRED["PDPJ_TOKEN"])


def test_every_setting_has_one_line_of_explanation() -> None:
    lines = EXAMPLE.read_text().splitlines()

    for number, line in enumerate(lines):
        if "=" in line and not line.startswith("#"):
            assert lines[number - 1].startswith("# "), line
