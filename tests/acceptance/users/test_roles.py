"""Permissions of each operation, by role. A route that is not in the table fails the test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from starlette.routing import Mount

from service.api.framework.operations import OperationRoute
from service.api.routes import ROUTES
from service.database.connection import Database
from service.local.simulator import DocumentSpec
from tests.support.deliveries.deliveries import add_user
from tests.support.http.api import Answer, Api
from tests.support.numbers import process_numbers
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber

NOBODY = "00000000-0000-4000-8000-000000000000"
SINCE = {"since": "2026-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Verdict:
    """The status codes of an operation for each role. What has an owner belongs to `owner`."""

    no_key: int  #: or one that was revoked
    owner: int
    stranger: int  #: a user with a key of his own
    admin: int
    body: Any = None
    query: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)  #: parameters of the path, where a success would destroy


PUBLIC = Verdict(200, 200, 200, 200)
EVERY_USER = Verdict(401, 200, 200, 200)
OWNER_AND_ADMIN = Verdict(401, 200, 404, 200)

THE_TABLE: Mapping[str, Verdict] = {
    "GET /": PUBLIC,
    "GET /health/live": PUBLIC,
    "GET /health/ready": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /docs/start.js": PUBLIC,
    # All users see cases and documents.
    "GET /api/v1/processes": EVERY_USER,
    "POST /api/v1/processes/search": Verdict(401, 200, 200, 200, body={"process_numbers": ["1"]}),
    "GET /api/v1/processes/{number}": Verdict(401, 200, 200, 200, query="?auto_download=false"),
    "GET /api/v1/processes/{number}/status": EVERY_USER,
    "GET /api/v1/processes/{number}/movements": EVERY_USER,
    "GET /api/v1/processes/{number}/parties": EVERY_USER,
    "GET /api/v1/processes/{number}/listing": EVERY_USER,
    "GET /api/v1/processes/{number}/archive": EVERY_USER,
    "GET /api/v1/processes/{number}/events": EVERY_USER,
    "GET /api/v1/processes/{number}/files": EVERY_USER,
    "GET /api/v1/processes/{number}/documents/{document_id}/content": Verdict(401, 302, 302, 302),
    "POST /api/v1/processes/{number}/download-documents": EVERY_USER,
    "POST /api/v1/processes/{number}/download-document/{document_id}": Verdict(401, 202, 202, 202),
    "POST /api/v1/processes/{number}/download-all-documents": Verdict(401, 202, 202, 202, body={"force": True}),
    # Each user has monitors of his own, an administrator too.
    "PUT /api/v1/processes/{number}/monitor": Verdict(401, 200, 200, 200, body={"every": "1d"}),
    "GET /api/v1/processes/{number}/monitor": EVERY_USER,
    "POST /api/v1/processes/{number}/monitor/check": Verdict(401, 202, 202, 202),
    "GET /api/v1/monitors": EVERY_USER,
    "POST /api/v1/monitors": Verdict(401, 200, 200, 200, body={"process_numbers": ["1"], "every": "1d"}),
    "DELETE /api/v1/processes/{number}/monitor": Verdict(401, 204, 204, 204),
    # Owners see their jobs and deliveries. The job of the table has ended.
    "GET /api/v1/jobs": EVERY_USER,
    "GET /api/v1/jobs/{job_id}": OWNER_AND_ADMIN,
    "POST /api/v1/jobs/{job_id}/cancel": Verdict(401, 409, 404, 409),
    "GET /api/v1/webhooks/deliveries": EVERY_USER,
    "GET /api/v1/webhooks/deliveries/{delivery_id}": OWNER_AND_ADMIN,
    # Before the resend, which could be cancelled.
    "POST /api/v1/webhooks/deliveries/{delivery_id}/cancel": Verdict(401, 409, 404, 409),
    "POST /api/v1/webhooks/deliveries/{delivery_id}/resend": Verdict(401, 202, 404, 202),
    "GET /api/v1/webhooks/endpoints": EVERY_USER,
    "POST /api/v1/webhooks/endpoints": Verdict(401, 400, 400, 400, body={"url": "x", "events": ["*"]}),
    "GET /api/v1/webhooks/endpoints/{endpoint_id}": OWNER_AND_ADMIN,
    "PATCH /api/v1/webhooks/endpoints/{endpoint_id}": Verdict(401, 200, 404, 200, body={"description": "x"}),
    "POST /api/v1/webhooks/endpoints/{endpoint_id}/test": OWNER_AND_ADMIN,
    # An administrator neither sees nor makes the secrets of others.
    "GET /api/v1/webhooks/endpoints/{endpoint_id}/secret": Verdict(401, 200, 404, 404),
    "POST /api/v1/webhooks/endpoints/{endpoint_id}/secret/rotate": Verdict(401, 200, 404, 404),
    "DELETE /api/v1/webhooks/endpoints/{endpoint_id}": Verdict(401, 404, 404, 404, instead={"endpoint_id": NOBODY}),
    "POST /api/v1/webhooks/deliveries/recover": Verdict(401, 202, 202, 202, body=SINCE),
    # Administrators manage users. Keys belong to their owners too.
    "GET /api/v1/users": Verdict(401, 403, 403, 200),
    "POST /api/v1/users": Verdict(401, 403, 403, 201, body={"name": "made by the table"}),
    "GET /api/v1/users/me": EVERY_USER,
    "DELETE /api/v1/users/{user_id}": Verdict(401, 403, 403, 404, instead={"user_id": NOBODY}),
    "GET /api/v1/users/{user_id}/keys": Verdict(401, 200, 403, 200),
    "POST /api/v1/users/{user_id}/keys": Verdict(401, 201, 403, 201),
    "DELETE /api/v1/users/{user_id}/keys/{key_id}": Verdict(401, 404, 403, 404, instead={"key_id": NOBODY}),
    # Each user has a secret.
    "GET /api/v1/webhooks/secret": EVERY_USER,
    "POST /api/v1/webhooks/secret/rotate": EVERY_USER,
    "POST /api/v1/webhooks/webhook-validate": Verdict(401, 200, 200, 200, body={"webhook_url": "x"}),
    "POST /api/v1/webhooks/webhook-test-connectivity": Verdict(401, 400, 400, 400, body={"webhook_url": "x"}),
    "POST /api/v1/webhooks/webhook-send-test": Verdict(401, 400, 400, 400, body={"webhook_url": "x"}),
    "POST /api/v1/webhooks/webhook-test-receiver": Verdict(401, 200, 200, 200, body={}),
}


@dataclass(frozen=True)
class World:
    """A case with a document, whose job and delivery belong to the owner, and a client of each role."""

    nobody: Api
    revoked: Api
    owner: Api
    stranger: Api
    admin: Api
    parameters: Mapping[str, str]
    private: Mapping[str, str]  #: what only the owner may see, and an administrator

    async def ask(self, caller: Api, operation: str) -> Answer:
        """Make the request of a row of the table."""
        method, path = operation.split(" ")
        verdict = THE_TABLE[operation]
        target = path.format(**{**self.parameters, **verdict.instead}) + verdict.query
        senders = {"POST": caller.post, "PUT": caller.put, "PATCH": caller.patch}
        if method in senders:
            return await senders[method](target, verdict.body)
        return await (caller.delete(target) if method == "DELETE" else caller.get(target))


@pytest.fixture(scope="module")
async def world(api: Api, database: Database, portal: Portal, subscriber: Subscriber) -> World:
    users = [await add_user(database) for _ in range(3)]
    revoked, owner, stranger = (Api(api.session, api.base_url, key) for _, key in users)
    # Other tests use up the limits of the common one.
    admin = api.with_key((await add_user(database, role="admin"))[1])
    number = next(process_numbers("521"))
    url = subscriber.url(f"/{number}/of-the-owner")
    await portal.put_documents(number, DocumentSpec())
    job = (await owner.process(number, webhook_url=url)).json["job_id"]
    status = await owner.ended(number)
    await subscriber.wait_for(f"/{number}/of-the-owner")
    (delivery,) = (await owner.get("/api/v1/webhooks/deliveries")).json["items"]
    secret = (await owner.get("/api/v1/webhooks/secret")).json["secret"]
    for caller in (owner, stranger, admin):
        webhook = {"webhook_url": url} if caller is owner else {}
        await caller.put(f"/api/v1/processes/{number}/monitor", {"every": "1d", **webhook})
    endpoint = await owner.post("/api/v1/webhooks/endpoints", {"url": f"{url}-endpoint", "events": ["export.failed"]})
    # Last, so that the key was known to the process while it was valid.
    assert (await revoked.get("/api/v1/webhooks/secret")).status == 200
    await revoke(database, users[0][0])
    return World(
        nobody=Api(api.session, api.base_url, None),
        revoked=revoked,
        owner=owner,
        stranger=stranger,
        admin=admin,
        parameters={
            "number": number,
            "document_id": status["documents"][0]["id"],
            "job_id": job,
            "delivery_id": delivery["id"],
            "endpoint_id": endpoint.json["id"],
            "user_id": delivery["user_id"],
        },
        private={
            "URL": "of-the-owner",
            "secret": secret,
            "secret of the endpoint": endpoint.json["secret"],
            "delivery": delivery["id"],
            "endpoint": endpoint.json["id"],
            "user": delivery["user_id"],
        },
    )


async def revoke(database: Database, user_id: UUID) -> None:
    async with database.transaction() as connection:
        await connection.execute("UPDATE api_keys SET revoked_at = now() WHERE user_id = :id", {"id": user_id})


def operations() -> list[str]:
    routes = [route for route in ROUTES if isinstance(route, OperationRoute)]
    return [f"{method} {route.path}" for route in routes for method in route.operations]


def test_the_table_is_complete() -> None:
    assert sorted(THE_TABLE) == sorted(operations())


def test_nothing_but_the_files_of_the_page_is_outside_the_table() -> None:
    rest = [route for route in ROUTES if not isinstance(route, OperationRoute)]

    assert [route.path for route in rest if isinstance(route, Mount)] == ["/docs/assets"]
    assert len(rest) == 1


@pytest.mark.parametrize("operation", THE_TABLE)
async def test_an_operation_answers_each_role_as_the_table_says(operation: str, world: World) -> None:
    callers = (world.nobody, world.revoked, world.stranger, world.owner, world.admin)
    verdict = THE_TABLE[operation]

    answers = [await world.ask(caller, operation) for caller in callers]

    expected = [verdict.no_key, verdict.no_key, verdict.stranger, verdict.owner, verdict.admin]
    assert [answer.status for answer in answers] == expected, answers


@pytest.mark.parametrize("operation", THE_TABLE)
async def test_a_user_sees_nothing_of_another(operation: str, world: World) -> None:
    answer = await world.ask(world.stranger, operation)

    # A case names its active job to all users; only its owners may read the job.
    private = world.private if "/processes" in operation else {**world.private, "job": world.parameters["job_id"]}
    text = str(answer.json) + str(answer.headers)
    assert [name for name, value in private.items() if value in text] == []


async def test_what_is_kept_from_others_is_there_for_the_owner_and_an_administrator(world: World) -> None:
    for caller in (world.owner, world.admin):
        paths = ("jobs", "webhooks/deliveries", "webhooks/endpoints")
        listed = [await world.ask(caller, f"GET /api/v1/{path}") for path in paths]
        text = "".join(str(answer.json) for answer in listed)

        private = {**world.private, "job": world.parameters["job_id"]}
        assert [name for name, value in private.items() if value not in text] == [
            "secret",
            "secret of the endpoint",
        ]
