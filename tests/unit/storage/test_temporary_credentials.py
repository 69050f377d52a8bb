"""No link has a later expiry than the credentials that sign it."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.domain.environment.startup import StartupError
from service.settings import SettingsError, load_settings
from service.startup.bucket import open_store
from service.startup.wiring import store_settings
from service.storage.object_store import open_object_store
from service.storage.store_settings import StoreSettings
from service.storage.temporary_credentials import UNKNOWN_LIFE
from tests.unit.repository.test_settings import GOOD, NO_FILE

WEEK = timedelta(days=7)
ENDLESS = {"Version": 1, "AccessKeyId": "AKIA" + "0" * 16, "SecretAccessKey": "s" * 40}
Configure = Callable[[dict[str, Any]], None]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Let a program of the machine return credentials, as for a role."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def write(credentials: dict[str, Any]) -> None:
        answer = tmp_path / "answer.json"
        answer.write_bytes(msgspec.json.encode(credentials))
        command = f"{sys.executable} -c \"print(open('{answer}').read())\""
        (tmp_path / "config").write_text(f"[default]\ncredential_process = {command}\n")

    return write


def settings(**changes: Any) -> StoreSettings:
    return msgspec.structs.replace(
        StoreSettings(
            "documents", "http://127.0.0.1:9", None, "us-east-1", None, None, link_ttl=int(WEEK.total_seconds())
        ),
        **changes,
    )


async def promised() -> timedelta:
    """The time until the stated expiry of a link."""
    async with open_object_store(settings()) as store:
        before = datetime.now(UTC)
        return await store.link_expiry() - before


@pytest.mark.parametrize("life", [timedelta(minutes=20), timedelta(hours=6), timedelta(hours=35)])
async def test_a_link_of_a_role_ends_with_its_credentials(configure: Configure, life: timedelta) -> None:
    configure(ENDLESS | {"SessionToken": "token", "Expiration": (datetime.now(UTC) + life).isoformat()})

    assert life - timedelta(minutes=1) < await promised() <= life


async def test_a_session_token_that_does_not_say_when_it_ends_promises_little(configure: Configure) -> None:
    configure(ENDLESS | {"SessionToken": "token"})

    assert await promised() <= UNKNOWN_LIFE


async def test_temporary_keys_in_the_settings_go_with_their_token() -> None:
    variables = GOOD | {
        "S3_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "s" * 40,
        "AWS_SESSION_TOKEN": "tok",
    }
    async with open_object_store(store_settings(load_settings(variables, env_file=NO_FILE))) as store:
        link = await store.link("a/b.pdf", name="b.pdf", mime_type="application/pdf")
        ends_in = await store.link_expiry() - datetime.now(UTC)

    assert "X-Amz-Security-Token=tok" in link
    assert ends_in <= UNKNOWN_LIFE


async def test_the_keys_of_a_user_have_no_end(configure: Configure) -> None:
    configure(ENDLESS)

    assert WEEK - timedelta(minutes=1) < await promised() <= WEEK


async def test_credentials_that_are_renewed_are_promised_anew(configure: Configure) -> None:
    # botocore renews them at the latest ten minutes before their end: here, each time that they are used.
    configure(ENDLESS | {"SessionToken": "one", "Expiration": (datetime.now(UTC) + timedelta(minutes=8)).isoformat()})
    async with open_object_store(settings()) as store:
        first = await store.link_expiry()
        configure(ENDLESS | {"SessionToken": "two", "Expiration": (datetime.now(UTC) + timedelta(hours=1)).isoformat()})
        second = await store.link_expiry()

    assert second - first > timedelta(minutes=50)


async def test_a_machine_without_credentials_is_told_so_in_one_line(configure: Configure, tmp_path: Path) -> None:
    configure({})
    (tmp_path / "config").unlink()

    with pytest.raises(StartupError, match="S3_BUCKET: there are no credentials"):
        async with open_store(settings(), create_bucket=False):
            pass


@pytest.mark.parametrize("ttl", ["604801", "59", "8 days"])
def test_a_life_that_no_store_accepts_is_refused_at_the_start(tmp_path: Path, ttl: str) -> None:
    with pytest.raises(SettingsError, match="PRESIGNED_URL_TTL"):
        load_settings({"PRESIGNED_URL_TTL": ttl}, env_file=tmp_path / "none")
