"""Settings: a wrong one is named, and no message repeats a value."""

from pathlib import Path
from typing import get_args, get_origin

import msgspec
import pytest

from service.app import seconds_to_drain
from service.domain.api_keys import new_api_key
from service.domain.described.words import in_words
from service.domain.environment.weak_secrets import is_local, mark_local
from service.local.credentials import Credentials, load_or_create_credentials
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
    "no token": ({"PDPJ_TOKEN": None}, r"PDPJ_TOKEN \(or PDPJ_REFRESH_TOKEN\) is not set"),
    "a blank value": ({"REDIS_URL": "  "}, "REDIS_URL is not set"),
    "not a number": ({"PORT": "http"}, "^PORT is malformed: it must be a whole number from 1 to 65535$"),
    "out of range": (
        {"PRESIGNED_URL_TTL": "5"},
        "^PRESIGNED_URL_TTL is malformed: it must be a whole number from 60 to 604800$",
    ),
    "not a boolean": (
        {"WEBHOOK_ALLOW_PRIVATE_HOSTS": "perhaps"},
        "^WEBHOOK_ALLOW_PRIVATE_HOSTS is malformed: it must be true or false$",
    ),
    "not one of two": (
        {"ENVIRONMENT": "staging"},
        "^ENVIRONMENT is malformed: it must be development or production$",
    ),
    "not a list of numbers": (
        {"WEBHOOK_RETRY_DELAYS": "1,minute"},
        "^WEBHOOK_RETRY_DELAYS is malformed: value number 2 must be a whole number of 0 or more$",
    ),
    "not a database URL": ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL is malformed"),
    "not a URL": ({"PDPJ_BASE_URL": "portal"}, "PDPJ_BASE_URL is malformed"),
    "private webhooks in production": (
        {**PRODUCTION, "WEBHOOK_ALLOW_PRIVATE_HOSTS": "true"},
        "WEBHOOK_ALLOW_PRIVATE_HOSTS must not be set in production",
    ),
    "no public address in production": ({"ENVIRONMENT": "production"}, r"PUBLIC_URL \(.+\) is not set"),
    "debug in production": ({**PRODUCTION, "LOG_LEVEL": "debug"}, "LOG_LEVEL must be info or higher"),
    "a way to encrypt that S3 does not know": (
        {"S3_ENCRYPTION": "aes-"},
        "^S3_ENCRYPTION is malformed: it must be one of AES256, aws:kms, aws:kms:dsse$",
    ),
    "a key to encrypt with, and nothing that uses it": (
        {"S3_KMS_KEY_ID": "alias/documents"},
        "S3_KMS_KEY_ID is set, and S3_ENCRYPTION is not",
    ),
    "a key to encrypt with that AES256 does not use": (
        {"S3_KMS_KEY_ID": "alias/documents", "S3_ENCRYPTION": "AES256"},
        "S3_KMS_KEY_ID is set, and S3_ENCRYPTION is not",
    ),
    "a key that is too short": (
        {"ADMIN_API_KEY": "short"},
        "^ADMIN_API_KEY is malformed: it must be a string of 24 to 200 characters$",
    ),
    "a rate of no unit": (
        {"RATE_LIMIT_REQUESTS": "600/week"},
        "^RATE_LIMIT_REQUESTS is malformed: it must be a number per second, minute, hour or day, such as 600/minute$",
    ),
    "a port of many that is too large": (
        {"WEBHOOK_ALLOWED_PORTS": "443, 84430"},
        "^WEBHOOK_ALLOWED_PORTS is malformed: value number 2 must be a whole number from 1 to 65535$",
    ),
    "a name with a space": (
        {"WORKER_NAME": "first worker"},
        "^WORKER_NAME is malformed: it must be 1 to 64 of the characters A-Z a-z 0-9 . _ @ -$",
    ),
}


UNENCRYPTED = {
    "the API": {"PUBLIC_URL": "http://autos.example.com"},
    "links": {"S3_ENDPOINT_URL": "http://store.example.com"},
    "links to a public host": {
        "S3_PUBLIC_ENDPOINT_URL": "http://store.example.com",
        "S3_ENDPOINT_URL": "https://store.internal",
    },
    "the portal": {"PDPJ_BASE_URL": "http://portal.example.com/api/v2"},
    "the renewal of the token": {"PDPJ_TOKEN_URL": "http://portal.example.com/token"},
}
DEVELOPMENT_SECRETS = {
    "a database password of an example": {"DATABASE_URL": "postgresql://owner:Password@db:5432/autos"},
    "a database password that is the user": {"DATABASE_URL": "postgresql://ow%6Eer:owner@db:5432/autos"},
    "a database password that was left out": {"DATABASE_URL": "postgresql://owner:@db:5432/autos"},
    "a database password of `make up`": {"DATABASE_URL": f"postgresql://owner:{mark_local('00ff')}@db:5432/autos"},
    "a Redis password of an example": {"REDIS_URL": "rediss://:changeme@cache:6379/0"},
    "a Redis password of `make up`": {"REDIS_URL": f"redis://:{mark_local('00ff')}@cache:6379/0"},
    "the secret key of an S3 server as it is delivered": {"AWS_SECRET_ACCESS_KEY": "minioadmin"},
    "the secret key of `make up`": {"AWS_SECRET_ACCESS_KEY": mark_local("00ff")},
    "the token of the simulated portal": {"PDPJ_TOKEN": mark_local("00ff")},
    "an administrator's key of `make up`": {"ADMIN_API_KEY": mark_local("Xk3vT9wQ2mR7yB4nZ8pL5sD1fG6hJ0cV")},
    "an administrator's key in words": {"ADMIN_API_KEY": "my-Default-admin-key-2026"},
    "an administrator's key of few characters": {"ADMIN_API_KEY": "123412341234123412341234"},
}
STRONG = {
    "a socket": {"DATABASE_URL": "postgresql://autos@/autos?host=/run/postgresql"},
    "a password from elsewhere": {"DATABASE_URL": "postgresql://autos@db.example.com/autos?sslmode=verify-full"},
    "a password that only holds a word": {"DATABASE_URL": "postgresql://autos:autos-Secret-81@db/autos"},
    "a token of a cloud": {"DATABASE_URL": "postgresql://autos:db%3A5432%2F%3FAction%3Dconnect@db/autos"},
    "a Redis without a password": {"REDIS_URL": "unix:///run/redis.sock"},
    "S3 on a private network, links on a public one": {
        "S3_ENDPOINT_URL": "http://store.internal:9000",
        "S3_PUBLIC_ENDPOINT_URL": "https://files.example.com",
    },
    "the store of AWS": {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCY"},
    "an administrator's key made by us": {"ADMIN_API_KEY": new_api_key()},
    "an administrator's key in hexadecimal": {"ADMIN_API_KEY": "9f86d081884c7d659a2feaa0c55ad015"},
}


@pytest.mark.parametrize(("change", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting_is_named(change: dict[str, str | None], sentence: str) -> None:
    environ = {name: value for name, value in (GOOD | change).items() if value is not None}

    with pytest.raises(SettingsError, match=sentence) as caught:
        load_settings(environ, env_file=NO_FILE)

    values = [value for value in environ.values() if len(value) > 3 and value != "production"]
    assert not [value for value in values if value in str(caught.value)]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", UNENCRYPTED.values(), ids=UNENCRYPTED.keys())
def test_production_refuses_what_would_travel_unencrypted(change: dict[str, str]) -> None:
    name = next(iter(change))

    with pytest.raises(
        SettingsError, match=rf"^{name} must start with https:// in production: .+ unencrypted$"
    ) as said:
        load_settings(GOOD | PRODUCTION | change, env_file=NO_FILE)
    assert ("S3_PUBLIC_ENDPOINT_URL" in str(said.value)) == name.startswith("S3_")
    load_settings(GOOD | {"ENVIRONMENT": "development"} | change, env_file=NO_FILE)


@pytest.mark.parametrize("change", DEVELOPMENT_SECRETS.values(), ids=DEVELOPMENT_SECRETS.keys())
def test_production_refuses_secrets_of_development_without_repeating_them(change: dict[str, str]) -> None:
    [(name, value)] = change.items()

    with pytest.raises(SettingsError, match=rf"^{name} [^\n]+$") as caught:
        load_settings(GOOD | PRODUCTION | change, env_file=NO_FILE)

    assert value not in str(caught.value)
    load_settings(GOOD | {"ENVIRONMENT": "development"} | change, env_file=NO_FILE)


@pytest.mark.parametrize("change", STRONG.values(), ids=STRONG.keys())
def test_production_takes_what_is_no_secret_of_development(change: dict[str, str]) -> None:
    assert load_settings(GOOD | PRODUCTION | change, env_file=NO_FILE).is_production


@pytest.mark.parametrize("field", msgspec.structs.fields(Settings), ids=lambda field: field.encode_name)
def test_every_setting_says_what_it_must_be(field: msgspec.structs.FieldInfo) -> None:
    items = [each for each in get_args(field.type) if each is not ...] if get_origin(field.type) is tuple else []

    assert all(in_words(kind) for kind in items or [field.type])


def test_the_required_ones_are_enough() -> None:
    settings = load_settings(GOOD, env_file=NO_FILE)

    assert settings.webhook_retry_delays == (2, 4, 60, 300, 1800, 7200, 18000, 36000, 36000)
    assert (settings.download_concurrency, settings.base_url) == (5, "http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [({}, 0), (PRODUCTION, 5), ({**PRODUCTION, "DRAIN_SECONDS": "0"}, 0), ({"DRAIN_SECONDS": "7"}, 7)],
)
def test_a_process_drains_in_production_unless_it_is_told_how_long(changes: dict[str, str], seconds: int) -> None:
    assert seconds_to_drain(load_settings(GOOD | changes, env_file=NO_FILE)) == seconds


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


def test_every_secret_that_a_stack_makes_for_itself_is_refused_in_production(tmp_path: Path) -> None:
    made = load_or_create_credentials(tmp_path / "credentials.json")
    secret_names = {field.name for field in msgspec.structs.fields(Credentials)} - {"s3_access_key_id"}

    assert {name for name in secret_names if is_local(getattr(made, name))} == secret_names
