"""The migration of endpoints, on a database of the previous version with data, forward, back and forward again."""

from uuid import UUID

from service.local.stack import Stack
from tests.integration.deliveries.test_migrations import add_history, connected, rows_of
from tests.support.database.migrations import create_before, migrate, roll_back_to
from tests.support.deliveries.deliveries import NUMBER, open_pool
from tests.support.deliveries.endpoints import add_endpoint

BEFORE = "0038.webhook_endpoints"


async def test_deliveries_of_requests_go_on_and_those_of_endpoints_end_in_the_version_before(stack: Stack) -> None:
    url = await create_before(stack, BEFORE)
    async with connected(url) as connection:
        user_id, _second = await add_history(connection)
        await connection.execute(
            "INSERT INTO alert_targets (target, topic, told_at, told_id) SELECT 'a', topic, now(), gen_random_uuid()"
            " FROM unnest(ARRAY['deliveries', 'jobs']) AS topic"
        )

        await migrate(url)

        assert await rows_of(connection, "SELECT DISTINCT endpoint_id, endpoint_only, status FROM deliveries") == {
            (None, False, "scheduled")
        }
        await add_deliveries_of_endpoint(url, user_id)

        await roll_back_to(url, BEFORE)

        assert await rows_of(connection, "SELECT url, status, alerted_at IS NULL FROM deliveries") == {
            ("https://failing.example/", "scheduled", True),
            ("https://healthy.example/", "scheduled", True),
            ("https://own.example/", "failed", False),
            ("https://own.example/resent", "delivered", False),
        }
        assert len(await rows_of(connection, "SELECT topic FROM alert_targets")) == 2
        assert BEFORE in await migrate(url)


async def add_deliveries_of_endpoint(url: str, user_id: UUID) -> None:
    async with open_pool(url) as database:
        endpoint_id = await add_endpoint(database, user_id, "https://own.example/")
        async with database.connection() as connection:
            await connection.execute(
                "INSERT INTO deliveries (id, process_number, event_id, user_id, url, endpoint_id, endpoint_only,"
                " status, next_attempt_at, ring_at) SELECT gen_random_uuid(), :number, (SELECT id FROM events),"
                " :user_id, 'https://own.example/', :endpoint_id, true, 'scheduled', now(), now()",
                {"number": NUMBER.digits, "user_id": user_id, "endpoint_id": endpoint_id},
            )
            await connection.execute(
                "INSERT INTO deliveries (id, process_number, event_id, user_id, url, endpoint_only, status, resend_at,"
                " ring_at, completed_at) SELECT gen_random_uuid(), process_number, event_id, user_id, url || 'resent',"
                " true, 'delivered', now(), now(), now() FROM deliveries WHERE endpoint_only"
            )
