"""The visitor's own API keys."""

import msgspec

from service.console.framework.declarations import page
from service.console.framework.visits import Visit
from service.database.users import api_keys
from service.database.users.api_keys import KEYS_MAX, KeyRow


class KeysView(msgspec.Struct, frozen=True):
    """The page."""

    keys: list[KeyRow]


@page("keys.html")
async def show(visit: Visit) -> KeysView:
    """The keys that are not revoked."""
    async with visit.state["database"].connection() as connection:
        return KeysView(await api_keys.page(connection, visit.user.id, after=None, limit=KEYS_MAX))
