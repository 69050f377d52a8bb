"""Variables as people and platforms write them."""

from pathlib import Path

import pytest

from service.settings import Settings, SettingsError, load_database_url, load_settings
from tests.unit.repository.test_settings import GOOD, NO_FILE, PRODUCTION

KEY = "Xk3vT9wQ2mR7yB4nZ8pL5sD1fG6hJ0cV"
MESSY = {
    "a line break after the token": ("PDPJ_TOKEN", "tok\n", "tok"),
    "the scheme": ("PDPJ_TOKEN", "Bearer tok", "tok"),
    "the scheme in another case, between spaces": ("PDPJ_TOKEN", "  bearer   tok\r\n", "tok"),
    "a whole header": ("PDPJ_TOKEN", "Authorization: Bearer tok", "tok"),
    "a byte order mark": ("S3_BUCKET", "\ufefffiles", "files"),
    "a line break after the bucket": ("S3_BUCKET", "files\n", "files"),
    "a secret key": ("AWS_SECRET_ACCESS_KEY", "\twJalrXUtnFEMI\n", "wJalrXUtnFEMI"),
    "the administrator's key": ("ADMIN_API_KEY", f"{KEY}\n", KEY),
    "the administrator's key with its scheme": ("ADMIN_API_KEY", f"Bearer {KEY}", KEY),
    "quotes": ("PDPJ_TOKEN", "'Bearer tok'\n", "tok"),
    "quotes within quotes": ("PDPJ_TOKEN", "\"'tok'\"", "tok"),
    "quotes behind the scheme": ("PDPJ_TOKEN", "Bearer 'tok'", "tok"),
    "the scheme within quotes behind the name of the header": ("PDPJ_TOKEN", "Authorization: 'Bearer tok'", "tok"),
    "a colon behind the scheme": ("PDPJ_TOKEN", "bearer: tok", "tok"),
    "the scheme twice": ("PDPJ_TOKEN", "Bearer Bearer tok", "tok"),
    "quotes around what has spaces": ("PDPJ_USER_AGENT", '"Mozilla/5.0 (X11)"', "Mozilla/5.0 (X11)"),
    "a quote at one end, which a value may have": ("PDPJ_CLIENT_ID", "o'", "o'"),
    "a name": ("LOG_LEVEL", " error ", "error"),
    "a URL": ("REDIS_URL", "redis://cache:6379/0\r\n", "redis://cache:6379/0"),
}
UNUSABLE = {
    "a line break in a token": ("PDPJ_TOKEN", "tok\nen-of-two-lines"),
    "a space in a token": ("PDPJ_TOKEN", "tok en-of-two-words"),
    "what no header carries": ("PDPJ_TOKEN", "tok\u2026cut-off"),
    "nothing behind the scheme": ("PDPJ_TOKEN", "Bearer "),
    "a zero width space": ("S3_BUCKET", "fi\u200bles"),
    "a space": ("AWS_ACCESS_KEY_ID", "AKID EXAMPLE"),
    "a tab": ("AWS_SECRET_ACCESS_KEY", "wJalr\tXUtn"),
    "a key nobody can send": ("ADMIN_API_KEY", f"{KEY} {KEY}"),
    "a key that is too long to be taken": ("ADMIN_API_KEY", KEY * 7),
    "a list": ("CORS_ALLOWED_ORIGINS", "https://a.example,https://b.\x07example"),
}


@pytest.mark.parametrize(("name", "written", "meant"), MESSY.values(), ids=MESSY.keys())
def test_what_stands_around_a_value_is_left_out(name: str, written: str, meant: str) -> None:
    assert getattr(load_settings(GOOD | {name: written}, env_file=NO_FILE), name.lower()) == meant


@pytest.mark.parametrize(("name", "written"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_no_one_can_use_is_refused_in_one_line_without_the_value(name: str, written: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} [^\n]+$") as caught:
        load_settings(GOOD | {name: written}, env_file=NO_FILE)

    assert written not in str(caught.value)


def test_the_file_is_read_where_the_environment_says_development_untidily(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=8123\n")

    assert load_settings(GOOD | {"ENVIRONMENT": "development\n"}, env_file=file).port == 8123
    assert load_settings(GOOD | {"ENVIRONMENT": ""}, env_file=file).port == 8123
    assert load_settings(GOOD | PRODUCTION | {"ENVIRONMENT": "production "}, env_file=file).port == 8000


def test_the_file_may_begin_with_a_byte_order_mark_and_must_be_text(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xef\xbb\xbfPORT=8123\r\n")
    assert load_settings(GOOD, env_file=file).port == 8123

    file.write_bytes("PORT=8123\n".encode("utf-16"))
    with pytest.raises(SettingsError, match=r"^[^\n]+/\.env is not written in UTF-8$"):
        load_settings(GOOD, env_file=file)


@pytest.mark.parametrize("name", ["METRICS_PORT", "WORKER_METRICS_PORT"])
@pytest.mark.parametrize("address", ["tcp://10.96.0.1:9090", "udp://10.96.0.1:53", "tcp://[fd00::1]:9090"])
def test_the_address_of_a_service_is_no_port(name: str, address: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"{name}=9100\n")

    assert getattr(load_settings(GOOD | {name: address}, env_file=NO_FILE), name.lower()) is None
    assert getattr(load_settings(GOOD | {name: address}, env_file=file), name.lower()) == 9100


@pytest.mark.parametrize("value", ["http", "tcp", "http://10.96.0.1:9090", "9090/tcp"])
def test_anything_else_is_still_no_port(value: str) -> None:
    with pytest.raises(SettingsError, match="METRICS_PORT is malformed"):
        load_settings(GOOD | {"METRICS_PORT": value}, env_file=NO_FILE)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"ENVIRONMENT": "production"}, env_file=NO_FILE)

    assert str(caught.value) == (
        "DATABASE_URL, REDIS_URL, S3_BUCKET, PDPJ_TOKEN (or PDPJ_REFRESH_TOKEN) and"
        " PUBLIC_URL (which production needs for the links in webhooks) are not set"
    )


def test_the_schema_needs_nothing_but_the_database() -> None:
    alone = {"DATABASE_URL": GOOD["DATABASE_URL"], "PORT": "http"}

    assert load_database_url(alone, env_file=NO_FILE) == GOOD["DATABASE_URL"]
    with pytest.raises(SettingsError, match=r"^DATABASE_URL is not set$"):
        load_database_url({}, env_file=NO_FILE)


def test_the_metrics_have_a_port_of_their_own() -> None:
    same = {"PORT": "9090", "METRICS_PORT": "9090"}

    with pytest.raises(SettingsError, match="METRICS_PORT is the same as PORT"):
        load_settings(GOOD | same, env_file=NO_FILE)
    assert isinstance(load_settings(GOOD | same | {"METRICS_ENABLED": "false"}, env_file=NO_FILE), Settings)
