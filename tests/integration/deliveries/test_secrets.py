"""Signing secrets in the database."""

import asyncio
from datetime import timedelta

from service.database.connection import Database
from service.database.users import users
from service.webhooks.signature import new_secret
from tests.support.deliveries.deliveries import add_user


async def test_rotations_at_once_leave_one_current_secret(database: Database) -> None:
    user_id, _key = await add_user(database)
    secrets = [new_secret() for _ in range(4)]

    async def rotate(secret: str) -> None:
        async with database.transaction() as connection:
            await users.rotate_secret(connection, user_id, secret, grace=timedelta(hours=1))

    await asyncio.gather(*map(rotate, secrets))

    async with database.connection() as connection:
        live = await users.live_secrets(connection, user_id)
    assert [each.expires_at is None for each in live] == [True, False, False, False, False]
    assert set(secrets) < {each.secret for each in live}


async def test_only_so_many_old_secrets_sign(database: Database) -> None:
    user_id, _key = await add_user(database)
    for _ in range(users.PREVIOUS_SECRETS + 3):
        async with database.transaction() as connection:
            await users.rotate_secret(connection, user_id, new_secret(), grace=timedelta(hours=1))

    async with database.connection() as connection:
        assert len(await users.signing_secrets(connection, user_id)) == users.PREVIOUS_SECRETS + 1


async def test_a_rotation_without_grace_leaves_the_new_secret_alone(database: Database) -> None:
    user_id, _key = await add_user(database)
    secret = new_secret()
    async with database.transaction() as connection:
        await users.rotate_secret(connection, user_id, secret, grace=timedelta(0))

    async with database.connection() as connection:
        assert await users.signing_secrets(connection, user_id) == [secret]
