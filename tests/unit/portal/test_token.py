"""The expiry that a token states."""

import base64

import pytest

from service.portal.token import expiry


def token(payload: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", payload, b"signature"))


@pytest.mark.parametrize(
    ("payload", "moment"), [(b'{"exp": 1767225600, "sub": "a"}', 1767225600.0), (b'{"exp": 1.5}', 1.5)]
)
def test_it_is_read_from_the_payload(payload: bytes, moment: float) -> None:
    assert expiry(token(payload)) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "an-opaque-token",
        "a.b",
        "a.b.c.d",
        "a.!.c",
        "a.é.c",
        token(b""),
        token(b"{}"),
        token(b"[]"),
        token(b'{"exp": "tomorrow"}'),
        token(b'{"exp": null}'),
        token(b"\xff"),
        token(b"[" * 10_000),
    ],
)
def test_nothing_is_known_of_any_other_token(text: str) -> None:
    assert expiry(text) is None
