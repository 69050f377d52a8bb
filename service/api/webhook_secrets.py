"""`/webhooks/secret`: the secrets that sign a client's webhooks."""

from collections.abc import Sequence
from datetime import UTC
from typing import Annotated

import msgspec
from msgspec import Meta

from service.api.framework.authentication import revoked
from service.api.framework.operations import Call, Tag, operation
from service.api.framework.queries import NoQuery
from service.api.presenters.timestamps import Timestamp
from service.database.users import users
from service.database.users.users import SigningSecret
from service.webhooks.signature import new_secret


class SecretView(msgspec.Struct, frozen=True):
    """The current secret, and previous ones that also sign for a while after a rotation."""

    secret: Annotated[str, Meta(description="Signs every webhook of the caller.")]
    previous_secrets: Annotated[list[str], Meta(description="They also sign, until they expire.")]
    previous_secrets_expire_at: Annotated[Timestamp | None, Meta(description="When the last of them stops signing.")]


@operation("webhooks_secret", Tag.WEBHOOKS)
async def secret(call: Call[NoQuery, None]) -> SecretView:
    """The caller's own signing secrets, the current one first."""
    async with call.state["database"].connection() as connection:
        return _view(await users.live_secrets(connection, call.user.id))


@operation("webhooks_rotate_secret", Tag.WEBHOOKS)
async def rotate_secret(call: Call[NoQuery, None]) -> SecretView:
    """Make a new secret for the caller; the old one also signs during the grace period."""
    grace = call.state["options"].webhook_secret_grace
    async with call.state["database"].transaction() as connection:
        await users.rotate_secret(connection, call.user.id, new_secret(), grace=grace)
        return _view(await users.live_secrets(connection, call.user.id))


def _view(secrets: Sequence[SigningSecret]) -> SecretView:
    if not secrets:  # the caller was deleted since the request began
        raise revoked()
    current, *previous = secrets
    expiries = [each.expires_at.astimezone(UTC) for each in previous if each.expires_at is not None]
    return SecretView(current.secret, [each.secret for each in previous], max(expiries, default=None))
