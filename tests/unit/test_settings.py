"""Settings: what is wrong is named, and no value is ever repeated."""

from pathlib import Path

import pytest

from service.settings import Settings, SettingsError, load_settings

NO_FILE = Path("/nonexistent/.env")
GOOD = {
    "DATABASE_URL": "postgresql://autos:secret-password@db:5432/autos",
    "REDIS_URL": "redis://cache:6379/0",
    "S3_BUCKET": "files",
    "PDPJ_TOKEN": "secret-token",
}
PRODUCTION = {"ENVIRONMENT": "production", "PUBLIC_URL": "https://autos.example.com"}

WRONG: dict[str, tuple[dict[str, str | None], str]] = {
    "no database": ({"DATABASE_URL": None}, "DATABASE_URL is not set"),
    "no redis": ({"REDIS_URL": ""}, "REDIS_URL is not set"),
    "no bucket": ({"S3_BUCKET": None}, "S3_BUCKET is not set"),
    "no token": ({"PDPJ_TOKEN": None}, "PDPJ_TOKEN is not set"),
    "a blank value": ({"REDIS_URL": "  "}, "REDIS_URL is not set"),
    "not a number": ({"PORT": "http"}, "PORT is malformed"),
    "out of range": ({"PRESIGNED_URL_TTL": "5"}, "PRESIGNED_URL_TTL is malformed"),
    "not a boolean": ({"WEBHOOK_ALLOW_PRIVATE_HOSTS": "perhaps"}, "WEBHOOK_ALLOW_PRIVATE_HOSTS is malformed"),
    "not one of": ({"ENVIRONMENT": "prod"}, "ENVIRONMENT is malformed"),
    "not a list of numbers": ({"WEBHOOK_RETRY_DELAYS": "1,two"}, "WEBHOOK_RETRY_DELAYS is malformed"),
    "not a database URL": ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL is malformed"),
    "not a URL": ({"PDPJ_BASE_URL": "portal"}, "PDPJ_BASE_URL is malformed"),
    "private webhooks in production": (
        {**PRODUCTION, "WEBHOOK_ALLOW_PRIVATE_HOSTS": "true"},
        "WEBHOOK_ALLOW_PRIVATE_HOSTS must not be set in production",
    ),
    "no public address in production": ({"ENVIRONMENT": "production"}, "PUBLIC_URL is not set"),
    "a key that is too short": ({"ADMIN_API_KEY": "short"}, "ADMIN_API_KEY is malformed"),
}


@pytest.mark.parametrize(("change", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting_is_named(change: dict[str, str | None], sentence: str) -> None:
    environ = {name: value for name, value in (GOOD | change).items() if value is not None}

    with pytest.raises(SettingsError, match=sentence) as caught:
        load_settings(environ, env_file=NO_FILE)

    values = [value for value in environ.values() if len(value) > 3 and value != "production"]
    assert not [value for value in values if value in str(caught.value)]
    assert "\n" not in str(caught.value)


def test_the_required_ones_are_enough() -> None:
    settings = load_settings(GOOD, env_file=NO_FILE)

    assert settings.webhook_retry_delays == (2, 4, 60, 300, 1800, 7200, 18000, 36000, 36000)
    assert (settings.download_concurrency, settings.base_url) == (5, "http://127.0.0.1:8000")


def test_lists_are_separated_by_commas() -> None:
    settings = load_settings(
        GOOD | {"WEBHOOK_RETRY_DELAYS": "1, 2,3", "WEBHOOK_ALLOWED_HOSTS": "a.example , b.example"}, env_file=NO_FILE
    )

    assert settings.webhook_retry_delays == (1, 2, 3)
    assert settings.webhook_allowed_hosts == ("a.example", "b.example")


def test_the_urls_of_alerts_may_have_commas_themselves() -> None:
    settings = load_settings(
        GOOD | {"ALERT_URLS": "mailto://u:p@example.com?to=a@example.com,b@example.com, json://host/x\nslack://a/b/c"},
        env_file=NO_FILE,
    )

    assert settings.alert_urls == (
        "mailto://u:p@example.com?to=a@example.com,b@example.com",
        "json://host/x",
        "slack://a/b/c",
    )


def test_the_file_is_read_in_development_and_never_overrides(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("S3_BUCKET=from-file\nPORT=8123\n")

    assert load_settings(GOOD, env_file=file).s3_bucket == "files"
    assert load_settings(GOOD, env_file=file).port == 8123
    assert load_settings(GOOD | PRODUCTION, env_file=file).port == 8000


def test_what_is_unknown_is_left_alone() -> None:
    assert isinstance(load_settings(GOOD | {"HOME": "/nowhere"}, env_file=NO_FILE), Settings)
