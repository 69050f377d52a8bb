"""What is stored of a receiver's response."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.webhooks.addresses.policy import UrlRule
from service.webhooks.outcome import OutcomeKind, PostOutcome, excerpt_of, parse_retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120),
        ("0", 0),
        ("999999999999", 999_999_999_999),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120),
        ("Sun, 01 Mar 2026 09:02:00 -0300", 120),
        ("Sun, 01 Mar 2026 12:02:00 -0000", 120),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sunday, 01-Mar-26 12:02:00 GMT", 120),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("\u0661\u0662", None),
        ("\u00b2", None),
        ("9" * 5000, None),
        ("soon", None),
        ("Sun, 99 Mar 2026 12:02:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, seconds: int | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(
    st.one_of(st.text(max_size=40), st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,12} [A-Z][a-z]{2} [0-9]{1,12} [0-9:+-]*"))
)
@settings(max_examples=500, deadline=None)
def test_no_retry_after_header_is_an_error(value: str) -> None:
    seconds = parse_retry_after(value, NOW)

    assert seconds is None or seconds >= 0


def test_an_excerpt_is_one_line_without_control_characters() -> None:
    body = b'{"ok":\ttrue}\r\n\x00\x1b[31mred\x1b[0m\x7f \xe2\x80\xaeabc'

    assert excerpt_of(body, None) == '{"ok": true}  [31mred[0m abc'


def test_an_excerpt_keeps_letters_of_any_language_and_replaces_what_is_not_utf8() -> None:
    assert excerpt_of("recebido às 10h: 例え".encode(), "identity") == "recebido às 10h: 例え"
    assert excerpt_of(b"caf\xe9", None) == "caf\ufffd"


@given(st.binary(max_size=4096))
@settings(deadline=None)
def test_an_excerpt_is_at_most_1_kib_and_can_be_stored_as_text(body: bytes) -> None:
    excerpt = excerpt_of(body, None)

    assert len(excerpt.encode()) <= 1024
    assert not [c for c in excerpt if unicodedata.category(c).startswith("C")]


def test_a_long_answer_is_cut_after_1_kib() -> None:
    assert excerpt_of(b"a" * 5000, None) == "a" * 1024
    # A replacement character takes three bytes.
    assert excerpt_of(b"\xff" * 5000, None) == "\ufffd" * 341


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "GZIP"])
def test_a_compressed_answer_has_no_excerpt(encoding: str) -> None:
    assert excerpt_of(b"\x1f\x8b\x08abc", encoding) == ""


def test_only_faults_of_this_machine_are_own_faults() -> None:
    own = {kind for kind in OutcomeKind if PostOutcome(kind).is_local_failure}

    assert own == {OutcomeKind.RESOLVER_UNAVAILABLE, OutcomeKind.NETWORK_UNAVAILABLE, OutcomeKind.NOT_MADE}


@pytest.mark.parametrize("kind", [kind for kind in OutcomeKind if kind is not OutcomeKind.DELIVERED])
def test_whatever_failed_is_told_in_a_sentence(kind: OutcomeKind) -> None:
    outcome = PostOutcome(kind, status_code=500, rule=UrlRule.ADDRESS_NOT_PUBLIC)

    assert outcome.error is not None
    assert outcome.error.endswith(".")
    assert not outcome.is_delivered


def test_a_delivery_has_no_error_and_a_redirect_names_its_host() -> None:
    assert PostOutcome(OutcomeKind.DELIVERED, status_code=204).error is None
    redirect = PostOutcome(OutcomeKind.REDIRECT, status_code=307, location_host="www.example.com")
    assert redirect.error == "The host answered 307, a redirect to www.example.com, which is not followed."


def test_the_moment_of_a_date_is_counted_from_now() -> None:
    assert parse_retry_after("Sun, 01 Mar 2026 12:02:00 GMT", NOW + timedelta(seconds=90)) == 30
