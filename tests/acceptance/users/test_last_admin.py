"""The last administrator of a service, and the last key of it, stay."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.service import Service, running_service

PATH = "/api/v1/users"


@pytest.fixture
async def service(
    session: aiohttp.ClientSession, stack: Stack, tmp_path: Path, environment: dict[str, str]
) -> AsyncIterator[Service]:
    """A service with its own database, so that its administrator is the only one."""
    own = {name: value for name, value in environment.items() if name != "ADMIN_API_KEY"}
    async with running_service(session, own | {"DATABASE_URL": await create_database(stack)}, tmp_path) as running:
        yield running


async def test_the_last_administrator_stays_until_there_is_another(service: Service) -> None:
    api = service.api
    user_id = (await api.get(f"{PATH}/me")).json["id"]
    (key,) = (await api.get(f"{PATH}/{user_id}/keys")).json["items"]

    for path in (f"{PATH}/{user_id}", f"{PATH}/{user_id}/keys/{key['id']}"):
        refused = await api.delete(path)
        assert (refused.status, refused.json["code"]) == (409, "last_admin")
    assert (await api.get(f"{PATH}/me")).status == 200

    second = (await api.post(PATH, {"name": "second", "role": "admin"})).json
    assert (await api.delete(f"{PATH}/{user_id}/keys/{key['id']}")).status == 204
    assert (await api.get(f"{PATH}/me")).status == 401
    assert (await api.with_key(second["api_key"]).delete(f"{PATH}/{user_id}")).status == 204
    assert (await (await service.add_api()).get(f"{PATH}/me")).status == 401
