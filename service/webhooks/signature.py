"""The headers of a webhook, signed according to the Standard Webhooks specification (symmetric, `v1`)."""

import base64
import binascii
import secrets as random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook, WebhookVerificationError

_SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of a secret, not a secret
_NEW_SECRET_BYTES = 32
_SECRET_BYTES = range(24, 65)
"""The lengths that the specification allows."""

USER_AGENT = "PDPJ-API-Webhook/1.0"


def new_secret() -> str:
    """A new signing secret: `whsec_` and the base64 of 32 random bytes."""
    return _SECRET_PREFIX + base64.b64encode(random.token_bytes(_NEW_SECRET_BYTES)).decode()


def signature_headers(
    message_id: str, timestamp: datetime, body: bytes, secrets: Sequence[str], attempt: int
) -> dict[str, str]:
    """All headers of one attempt, with one signature per secret, in the order of `secrets`.

    `timestamp` is the time of the attempt, with a zone. `body` is sent as it is, in UTF-8. `attempt` counts from 1.
    Raises `ValueError` for a timestamp without a zone, no secret, or a malformed one.
    """
    if timestamp.tzinfo is None:
        raise ValueError("the timestamp has no zone")
    moment = timestamp.astimezone(UTC)
    seconds = str(int(moment.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        # The library signs text, and treats every timestamp as UTC.
        "webhook-signature": " ".join(signer.sign(message_id, moment, body.decode()) for signer in _signers(secrets)),
        "X-Webhook-ID": message_id,
        "X-Webhook-Timestamp": seconds,
        "X-Webhook-Attempt": str(attempt),
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
    }


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
    """Whether one of the secrets signed this body, with a timestamp at most five minutes from now.

    Header names may have any case. Raises `ValueError` for no secret or a malformed one, never for `body` or `headers`.
    """
    received = {name.lower(): value for name, value in headers.items()}
    received["webhook-signature"] = _well_formed(received.get("webhook-signature", ""))
    return any(_is_signed(signer, body, received) for signer in _signers(secrets))


def _is_signed(signer: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    try:
        signer.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        # The library does not catch base64 and Unicode errors of a malformed header or body.
        return False
    return True


def _well_formed(signatures: str) -> str:
    """Drop entries that would make the library fail before it reaches the signature that matches."""
    return " ".join(entry for entry in signatures.split() if _is_v1(entry))


def _is_v1(entry: str) -> bool:
    version, _, signature = entry.partition(",")
    return version == "v1" and bool(_decoded(signature))


def _signers(secrets: Sequence[str]) -> list[Webhook]:
    if not secrets:
        raise ValueError("no signing secret was given")
    return [Webhook(_key(secret)) for secret in secrets]


def _key(secret: str) -> bytes:
    """Decode strictly: the library would drop characters that are not base64 and sign with the rest."""
    key = _decoded(secret.removeprefix(_SECRET_PREFIX)) if secret.startswith(_SECRET_PREFIX) else None
    if key is None or len(key) not in _SECRET_BYTES:
        raise ValueError("a signing secret is whsec_ and the base64 of 24 to 64 bytes")
    return key


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
