"""A database for these tests, and steps of cases that are watched."""

from collections.abc import AsyncIterator

import pytest

from service.database.connection import Database
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.database.case_steps import listed
from tests.support.database.watchers import WatchedCase
from tests.support.deliveries.deliveries import add_user, open_pool


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A database without workers, one for each file."""
    async with open_pool(await create_database(stack), size=8) as pool:
        yield pool


@pytest.fixture
def case(number: str) -> ProcessNumber:
    """The number of a case of this test alone."""
    return ProcessNumber.parse(number)


@pytest.fixture
async def watched(database: Database, case: ProcessNumber) -> WatchedCase:
    """A case that nobody watches yet, in which one document was found and downloaded."""
    steps = WatchedCase(database, case, (await add_user(database))[0])
    await steps.register(listed("a"))
    await steps.complete()
    return steps
