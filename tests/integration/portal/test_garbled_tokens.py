"""A token endpoint that rotates the refresh token and returns no usable access token."""

import secrets
from contextlib import suppress

import pytest

from service.portal.errors import TokenUnavailable
from service.portal_access.token_renewal import RenewedToken
from tests.integration.portal.test_token_source import is_kept, source_of, until
from tests.support.deliveries.deliveries import open_pool
from tests.support.servers.keycloak import Keycloak


async def test_a_rotated_token_is_kept_although_the_access_token_beside_it_is_none(database_url: str) -> None:
    keycloak = Keycloak(given=[f"r-{secrets.token_hex(6)}"], is_garbled=True)
    async with open_pool(database_url) as database, source_of(database, keycloak) as source:
        with pytest.raises(TokenUnavailable):
            await source.current()
        assert await is_kept(database, keycloak)
        keycloak.is_garbled = False
        await until(lambda: answers(source))

    assert keycloak.asked_with == keycloak.given[: len(keycloak.asked_with)]


async def answers(source: RenewedToken) -> bool:
    with suppress(TokenUnavailable):
        return bool(await source.current())
    return False
