"""Creates the first administrator from `ADMIN_API_KEY`, at the end of a start."""

import structlog

from service.database.access import DatabaseAccess
from service.database.connection import UNREACHABLE
from service.database.users.users import create_first_admin, find_by_key_hash
from service.domain.api_keys import key_hash
from service.domain.environment.startup import StartupError
from service.webhooks.signature import new_secret


async def make_first_admin(database: DatabaseAccess, key: str | None) -> None:
    """Create the administrator if there is none, and log whether the key was used. Raises `StartupError`."""
    if key is None:
        return
    try:
        async with database.transaction() as connection:
            is_made = await create_first_admin(connection, api_key=key, secret=new_secret())
            is_living = await find_by_key_hash(connection, key_hash(key)) is not None
    except UNREACHABLE as error:
        raise StartupError(f"DATABASE_URL: PostgreSQL failed ({type(error).__name__})") from None
    log = structlog.get_logger()
    if is_made:
        log.info("first_admin_made", user="admin")
    elif is_living:
        log.info("admin_api_key_not_needed", reason="there is an administrator")
    else:
        log.warning("admin_api_key_ignored", reason="there is an administrator, and this key is of no user")
