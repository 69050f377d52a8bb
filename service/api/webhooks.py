"""`/webhooks/secret`: what a client's webhooks are signed with."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from starlette.responses import Response

from service.api.authentication import caller, presented_key
from service.api.responses import json_response
from service.api.state import ApiRequest
from service.database import users
from service.database.users import SigningSecret
from service.webhooks.signature import new_secret


class SecretView(msgspec.Struct, frozen=True):
    """The secret that signs, and those that sign beside it for a while after a rotation."""

    secret: str
    previous_secrets: list[str]
    previous_secrets_expire_at: datetime | None  #: when the last of them stops signing


async def secret(request: ApiRequest) -> Response:
    """The caller's own signing secrets, the current one first."""
    api_key = presented_key(request)
    async with request.state["database"].connection() as connection:
        user = await caller(connection, api_key)
        secrets = await users.live_secrets(connection, user.id)
    return json_response(_view(secrets))


async def rotate_secret(request: ApiRequest) -> Response:
    """Make a new secret for the caller; the old one signs too for the time of grace."""
    api_key = presented_key(request)
    grace = request.state["options"].webhook_secret_grace
    async with request.state["database"].transaction() as connection:
        user = await caller(connection, api_key)
        await users.rotate_secret(connection, user.id, new_secret(), grace=grace)
        secrets = await users.live_secrets(connection, user.id)
    return json_response(_view(secrets))


def _view(secrets: Sequence[SigningSecret]) -> SecretView:
    current, *previous = secrets
    expiries = [each.expires_at.astimezone(UTC) for each in previous if each.expires_at is not None]
    return SecretView(current.secret, [each.secret for each in previous], max(expiries, default=None))
