"""A process that only renews: it prints its token again and again until it is killed.

`python -m tests.support.servers.renewing_process <database URL> <token URL> <refresh token>`
"""

import asyncio
import sys

import aiohttp

from service.database.connection import create_database
from service.portal.errors import PortalError
from service.portal.token import RenewedTokens, renew
from service.portal_access.token_renewal import RenewedToken


async def main(database_url: str, token_url: str, refresh_token: str) -> None:
    """Renew until the process is killed."""
    database = create_database(database_url, application_name="tests", max_size=2)
    await database.connect()
    async with aiohttp.ClientSession() as session:

        async def renew_with(given: str) -> RenewedTokens:
            return await renew(session, url=token_url, client_id="a-client", refresh_token=given)

        source = RenewedToken(database, refresh_token=refresh_token, renew=renew_with)
        while True:
            try:
                line = await source.current()
            except PortalError as error:
                line = type(error).__name__
            sys.stdout.write(f"token: {line}\n")
            sys.stdout.flush()
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
