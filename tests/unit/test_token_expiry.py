"""What a token says of its own end."""

import base64
from datetime import UTC, datetime

import pytest

from service.portal.token import expiry_of


def jwt(payload: bytes) -> str:
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.c2lnbmF0dXJl"


@pytest.mark.parametrize("payload", [b'{"exp":1800000000}', b'{"exp": 1800000000.0, "sub": "somebody"}'])
def test_the_end_is_read_whatever_the_length_of_the_payload(payload: bytes) -> None:
    assert expiry_of(jwt(payload)) == datetime(2027, 1, 15, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "token",
    ["", "an-opaque-token", "a.b.c", "a.é.c", jwt(b"{}"), jwt(b"[]"), jwt(b'{"exp":"soon"}'), jwt(b'{"exp":1e300}')],
)
def test_a_token_that_does_not_say_has_no_known_end(token: str) -> None:
    assert expiry_of(token) is None
