"""Objects that no row, event or job names are deleted, and no others."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from service.actions.bucket_tidying import abort_stale_uploads, remove_unnamed_objects
from service.database.cases import case_requests, documents, untidy_cases
from service.database.connection import Database
from service.domain.process_number import ProcessNumber
from service.domain.storage_keys import attempt_prefix, case_prefix
from tests.integration.cases.test_retries import case, database, listing, wanted
from tests.support.buckets import Bucket
from tests.support.deliveries.deliveries import add_user
from tests.support.servers.s3_proxy import WireFault, running_s3_proxy

__all__ = ["case", "database"]

AT_ONCE = timedelta(minutes=-1)  # what is kept until then is not kept
PDF = "application/pdf"


@dataclass
class Rig:
    """A case with one document, its job, and the bucket."""

    database: Database
    bucket: Bucket
    case: ProcessNumber
    document: UUID
    job: UUID

    async def write(self, job: UUID | None = None) -> str:
        """Write an object of an attempt, and return its key."""
        key = f"{attempt_prefix(self.case, self.document, job or self.job)}Sentenca.pdf"
        await self.bucket.store.put(key, [key.encode()], PDF)
        return key

    async def name(self, key: str) -> None:
        """Let the document name an object, as a worker does."""
        for status in ("processing", "available"):
            await self.sql(
                "UPDATE documents SET status = :status, storage_key = :key, size = 1, sha256 = repeat('0', 64),"
                " mime_type = 'application/pdf', completed_at = now() WHERE id = :id",
                status=status,
                key=key,
                id=self.document,
            )

    async def end_job(self) -> None:
        """End the job, with an event that names the document's object."""
        async with self.database.transaction() as connection:
            await case_requests.end_job(connection, self.case, self.job, event_limit=10)

    async def tidy(self, *, kept: timedelta = AT_ONCE) -> list[str]:
        """Tidy the case, and return the objects that are left."""
        await self.sql("UPDATE untidy_cases SET tidy_at = now()")
        await remove_unnamed_objects(self.database, self.bucket.store, kept=kept)
        return await self.bucket.visible(case_prefix(self.case))

    async def is_marked(self) -> bool:
        """True if the case will be tidied again."""
        async with self.database.connection() as connection:
            return bool(await connection.fetch_val("SELECT count(*) FROM untidy_cases"))

    async def sql(self, statement: str, **values: object) -> None:
        async with self.database.connection() as connection:
            await connection.execute(statement, values)


@pytest.fixture
async def rig(database: Database, case: ProcessNumber, local_bucket: Bucket) -> AsyncIterator[Rig]:
    user_id, _key = await add_user(database)
    async with database.transaction() as connection:
        await case_requests.register(connection, listing(case))
        job_id = (await case_requests.accept(connection, wanted(case, user_id, is_told=False), event_limit=10)).job_id
        assert job_id is not None
        first, *_ = await documents.of_process(connection, case)
        await untidy_cases.mark(connection, case)
    yield Rig(database, local_bucket, case, first.id, job_id)
    async with database.connection() as connection:
        await connection.execute("DELETE FROM untidy_cases")


async def test_an_object_that_nobody_came_to_name_is_removed(rig: Rig) -> None:
    _crashed, named = await rig.write(), await rig.write()
    await rig.name(named)
    await rig.end_job()

    assert await rig.tidy() == [named]
    assert not await rig.is_marked()


async def test_what_was_written_or_replaced_lately_stays_for_those_who_have_links(rig: Rig) -> None:
    old, new = await rig.write(), await rig.write()
    await rig.name(new)
    await rig.end_job()

    assert await rig.tidy(kept=timedelta(days=8)) == sorted([old, new])
    assert await rig.is_marked()
    # Written long ago, and replaced an hour ago.
    await rig.sql("UPDATE documents SET completed_at = now() + interval '1 hour'")
    assert await rig.tidy() == sorted([old, new])


async def test_what_an_event_names_stays_as_long_as_the_event(rig: Rig) -> None:
    told, new = await rig.write(), await rig.write()
    await rig.name(told)
    await rig.end_job()
    await rig.name(new)

    assert await rig.tidy() == sorted([told, new])
    assert await rig.is_marked()
    await rig.sql("DELETE FROM events WHERE process_number = :number", number=rig.case.digits)
    assert await rig.tidy() == [new]
    assert not await rig.is_marked()


async def test_nothing_is_removed_and_nothing_forgotten_while_a_job_is_at_work(rig: Rig) -> None:
    about_to_be_named = await rig.write()

    assert await rig.tidy() == [about_to_be_named]
    assert await rig.is_marked()


async def test_a_case_without_any_object_yet_is_not_forgotten_while_a_job_is_at_work(rig: Rig) -> None:
    assert await rig.tidy() == []
    assert await rig.is_marked()


async def test_what_another_database_or_an_earlier_version_wrote_is_not_touched(rig: Rig) -> None:
    foreign, earlier = await rig.write(job=uuid4()), f"{case_prefix(rig.case)}{rig.document}/Sentenca.2.pdf"
    await rig.bucket.store.put(earlier, [b"x"], PDF)
    await rig.end_job()

    assert await rig.tidy() == sorted([foreign, earlier])
    assert not await rig.is_marked()


async def test_a_job_that_begins_while_the_bucket_is_looked_at_is_not_forgotten(rig: Rig) -> None:
    await rig.end_job()
    await rig.sql("UPDATE untidy_cases SET tidy_at = now()")
    async with rig.database.connection() as connection:
        [taken] = await untidy_cases.take(connection, limit=10)
        assert await untidy_cases.take(connection, limit=10) == []
        await untidy_cases.mark(connection, rig.case)
        await untidy_cases.tidied(connection, taken)

    assert await rig.is_marked()


async def test_a_store_that_fails_is_asked_again_later(rig: Rig) -> None:
    crashed = await rig.write()
    await rig.end_job()
    async with running_s3_proxy(rig.bucket.settings.endpoint_url or "") as proxy:
        proxy.plan("other", *[WireFault.ERROR_500] * 4)
        async with rig.bucket.reopened(endpoint_url=proxy.url) as failing:
            await rig.sql("UPDATE untidy_cases SET tidy_at = now()")
            assert await remove_unnamed_objects(rig.database, failing, kept=AT_ONCE) == 0

    assert await rig.bucket.visible(case_prefix(rig.case)) == [crashed]
    assert await rig.tidy() == []


async def test_uploads_that_were_left_open_are_aborted_unless_a_job_is_at_work(rig: Rig) -> None:
    store, key = rig.bucket.store, f"{attempt_prefix(rig.case, rig.document, rig.job)}Video.mp4"
    async with store.start_upload(key, PDF), store.start_upload("of/another/program", PDF):
        assert await abort_stale_uploads(rig.database, store, older_than=AT_ONCE) == 0
        await rig.end_job()
        assert await abort_stale_uploads(rig.database, store) == 0
        assert await abort_stale_uploads(rig.database, store, older_than=AT_ONCE) == 1
        assert await rig.bucket.open_uploads() == ["of/another/program"]
