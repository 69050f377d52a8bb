"""`/webhooks`: what a subscriber needs."""

from starlette.responses import Response

from service.api.authentication import caller, presented_key
from service.api.responses import json_response
from service.api.state import ApiRequest
from service.database import users


async def secret(request: ApiRequest) -> Response:
    """The caller's own signing secrets, the current one first."""
    api_key = presented_key(request)
    async with request.state["database"].connection() as connection:
        user = await caller(connection, api_key)
        secrets = await users.signing_secrets(connection, user.id)
    return json_response({"secret": secrets[0], "previous_secrets": secrets[1:]})
