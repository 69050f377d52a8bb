"""The log has whole lines that cannot be forged, and no secrets."""

import contextlib
import logging
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from service.domain.api_keys import new_api_key
from service.observability.logs import Redaction, configure_logs
from service.webhooks.signature import new_secret

FORGED = "2026-11-21T23:59:55.277684Z [info     ] worker_stopped"
BREAKS = ["\n", "\r", "\x0b", "\x85", "\u2028", "\x1b[2K"]
SHAPES = {
    "an authorization": "Authorization: Bearer hidden-value",
    "a token": "it said eyJhbGciOi.eyJleHAiOj.hidden-value",
    "an API key": new_api_key(),
    "a signing secret": new_secret(),
    "a signature": "https://s3.example/a?X-Amz-Date=20260101&X-Amz-Signature=hidden-value",
    "a credential": "https://s3.example/a?X-Amz-Credential=hidden-value%2F20260101",
    "a session": "https://s3.example/a?x-amz-security-token=hidden-value&a=b",
    "a password": "postgresql://someone:hidden-value@db.example/autos",
}


pytestmark = pytest.mark.usefixtures("restored_logs")


class Crash(Exception):
    """An unexpected error."""


def crash(sentence: str) -> Crash:
    """An exception with a traceback."""

    def fail() -> None:
        raise Crash(sentence)

    with pytest.raises(Crash) as caught:
        fail()
    return caught.value


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    # As terminals and tools split lines: at more than line feeds.
    return capsys.readouterr().out.splitlines()


def objects(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [msgspec.json.decode(line) for line in capsys.readouterr().out.split("\n") if line]


@pytest.mark.parametrize("end", BREAKS)
@pytest.mark.parametrize("as_json", [True, False])
def test_a_value_never_begins_a_line_of_its_own(capsys: pytest.CaptureFixture[str], end: str, as_json: bool) -> None:
    configure_logs("info", as_json=as_json)

    structlog.get_logger().info("request", path=f"/a{end}{FORGED}", one=f"a{end}b")
    structlog.get_logger().info(f"said{end}{FORGED}")
    logging.getLogger("somebody").warning("they said %s", f"{end}{FORGED}")

    said = lines(capsys)
    assert len(said) == 3
    assert not any(end[0] in line for line in said)


@pytest.mark.parametrize("end", BREAKS)
def test_a_line_of_a_traceback_is_not_taken_for_one_of_the_log(capsys: pytest.CaptureFixture[str], end: str) -> None:
    configure_logs("info", as_json=False)

    structlog.get_logger().error("request", exc_info=crash(f"bad{end}{FORGED}"))

    first, *others = lines(capsys)
    assert "request" in first
    assert others
    assert all(line.startswith("    ") for line in others)
    assert not any("\x1b" in line for line in others)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("as_json", [True, False])
def test_what_looks_like_a_secret_is_taken_out(capsys: pytest.CaptureFixture[str], shape: str, as_json: bool) -> None:
    configure_logs("info", as_json=as_json)
    secret = shape if shape.startswith(("autos_", "whsec_")) else "hidden-value"

    structlog.get_logger().info("said", value=shape, values=[{"inner": shape}])
    logging.getLogger("somebody").warning(shape)
    structlog.get_logger().error("failed", exc_info=crash(shape))

    said = "\n".join(lines(capsys))
    assert said.count("[redacted]") >= 4
    assert secret not in said


@pytest.mark.parametrize("secret", ["plain-and-simple", 'with "quotes" and \\', "with ümlauts", "regular.*(expression"])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_known_secret_is_taken_out_whatever_it_looks_like(
    capsys: pytest.CaptureFixture[str], secret: str, as_json: bool
) -> None:
    configure_logs("info", as_json=as_json, secrets=[secret, f"{secret}-and-more"])

    logging.getLogger("somebody").warning("they said %s-and-more, then %s.", secret, secret)
    structlog.get_logger().info("said", value=f"a {secret}")

    first, second = lines(capsys)
    assert "they said [redacted], then [redacted]." in first
    assert "a [redacted]" in second


def test_what_is_no_secret_stays(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", as_json=True, secrets=["short", ""])

    structlog.get_logger().info("said", ids=["autos_api", "whsec", "a shorter word"], url="https://example.com/a:b@c")

    (said,) = objects(capsys)
    assert said["ids"] == ["autos_api", "whsec", "a shorter word"]
    assert said["url"] == "https://example.com/a:b@c"


def test_json_stays_json_when_something_is_taken_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", as_json=True, secrets=["hidden-value"])

    for shape in SHAPES.values():
        structlog.get_logger().info("said", value=shape, quoted=f'"{shape}"', escaped=f"{shape}\\")

    assert len(objects(capsys)) == len(SHAPES)


@pytest.mark.parametrize("level", ["debug", "info"])
def test_libraries_say_warnings_only_whatever_the_level(capsys: pytest.CaptureFixture[str], level: str) -> None:
    configure_logs(level, as_json=True)

    logging.getLogger("urllib3.connectionpool").debug("POST /services/path-that-is-a-secret")
    logging.getLogger("somebody").info("parameters")
    logging.getLogger("somebody").warning("trouble")
    structlog.get_logger().debug("detail")

    events = [each["event"] for each in objects(capsys)]
    assert events == (["trouble", "detail"] if level == "debug" else ["trouble"])


def test_a_line_is_looked_through_fast_enough_whatever_it_holds() -> None:
    redaction = Redaction(["hidden-value"])

    for piece in ("eyJ", "://", "autos_", "a:", "eyJa.", "whsec_"):
        line = piece * (100_000 // len(piece))
        assert isinstance(redaction(None, "info", line), str)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_line_that_cannot_be_written_fails_nothing(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    full = Path("/dev/full").open("w", encoding=encoding)  # noqa: SIM115  (closing it fails, as it should)
    monkeypatch.setattr(sys, "stdout", full)
    configure_logs("info", as_json=False)

    structlog.get_logger().info("petição")
    with contextlib.suppress(OSError):
        full.close()
    structlog.get_logger().error("of a file that is closed")
