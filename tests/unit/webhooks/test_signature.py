"""Signatures that the reference library of Standard Webhooks verifies."""

import base64
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from service.webhooks.signature import new_secret, signature_headers, verify

BODY = '{"type":"process.completed","documents":[{"name":"Petição inicial.pdf"}]}'.encode()
SECRETS = ["whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2)]


def signed(body: bytes = BODY, secrets: list[str] = SECRETS, when: datetime | None = None) -> dict[str, str]:
    """Headers of an attempt made now, or at the moment given."""
    return signature_headers("msg_2f9d", when or datetime.now(UTC), body, secrets, attempt=3)


def test_a_new_secret_is_32_random_bytes_in_the_form_of_the_specification() -> None:
    secret = new_secret()

    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert new_secret() != secret


def test_an_attempt_carries_the_standard_headers_the_older_ones_and_who_sends_it() -> None:
    headers = signed(when=datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC))

    signature = headers.pop("webhook-signature")
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=", signature)
    assert headers == {
        "webhook-id": "msg_2f9d",
        "webhook-timestamp": "1772366400",
        "X-Webhook-ID": "msg_2f9d",
        "X-Webhook-Timestamp": "1772366400",
        "X-Webhook-Attempt": "3",
        "Content-Type": "application/json",
        "User-Agent": "PDPJ-API-Webhook/1.0",
    }


@pytest.mark.parametrize("secret", SECRETS)
def test_while_two_secrets_sign_the_reference_library_verifies_with_either(secret: str) -> None:
    assert Webhook(secret).verify(BODY, signed())["type"] == "process.completed"


def test_the_reference_library_refuses_another_secret_and_another_body() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, signed())
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS[0]).verify(BODY + b" ", signed())


def test_the_same_moment_in_another_zone_gives_the_same_signature() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

    assert signed(when=moment.astimezone(timezone(timedelta(hours=-3)))) == signed(when=moment)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        signed(when=datetime(2026, 3, 1, 12, 0, 0))  # noqa: DTZ001 - what must be refused


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_@@@@",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_" + base64.b64encode(b"x" * 32).decode() + "\n",
        base64.b64encode(b"x" * 32).decode(),
        "whsec_" + "é" * 44,
    ],
)
def test_a_malformed_secret_is_refused_without_being_repeated(secret: str) -> None:
    for call in (lambda: signed(secrets=[secret]), lambda: verify(BODY, signed(), [secret])):
        with pytest.raises(ValueError, match=r"^a signing secret is whsec_ and the base64 of 24 to 64 bytes$") as error:
            call()
        assert error.value.__cause__ is None


def test_signing_without_any_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="no signing secret"):
        signed(secrets=[])


def test_a_body_verifies_with_any_of_the_receivers_secrets_and_header_names_in_any_case() -> None:
    headers = {name.upper(): value for name, value in signed(secrets=SECRETS[:1]).items()}

    assert verify(BODY, headers, SECRETS)
    assert verify(BODY, headers, [new_secret(), SECRETS[0]])
    assert not verify(BODY, headers, [SECRETS[1]])


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_of_the_three_headers_is_needed_and_signed(name: str) -> None:
    headers = signed()
    without = {key: value for key, value in headers.items() if key != name}
    changed = {**headers, name: {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}.get(name, "v1,AAAA")}

    assert not verify(BODY, without, SECRETS)
    assert not verify(BODY, changed, SECRETS)


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_a_signature_of_another_time_is_refused(age: timedelta) -> None:
    assert not verify(BODY, signed(when=datetime.now(UTC) - age), SECRETS)


@pytest.mark.parametrize("garbage", ["v1", "v1,", "v1,é", "v1,!", "v2,AAAA", ",", "v1,a,b", "v1a,AAAA"])
def test_a_malformed_signature_beside_a_good_one_does_no_harm(garbage: str) -> None:
    headers = signed()

    assert verify(BODY, {**headers, "webhook-signature": f"{garbage} {headers['webhook-signature']}"}, SECRETS)
    assert not verify(BODY, {**headers, "webhook-signature": garbage}, SECRETS)


@given(
    body=st.binary(max_size=40),
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(max_size=30)
    ),
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_received_verifying_it_is_no_error(body: bytes, headers: dict[str, str]) -> None:
    now = str(int(datetime.now(UTC).timestamp()))

    assert not verify(body, headers, SECRETS)
    assert not verify(
        body, {"webhook-id": "a", "webhook-timestamp": now, "webhook-signature": "v1,AA==", **headers}, SECRETS
    )


def test_a_body_that_is_not_utf8_does_not_verify() -> None:
    assert not verify(b"\xff", signed(), SECRETS)
