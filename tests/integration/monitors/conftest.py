"""A database for these tests, and steps of cases that are watched."""

from collections.abc import AsyncIterator

import pytest

from service.database.connection import Database
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.deliveries.deliveries import open_pool


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A database without workers, one for each file."""
    async with open_pool(await create_database(stack), size=8) as pool:
        yield pool


@pytest.fixture
def case(number: str) -> ProcessNumber:
    """The number of a case of this test alone."""
    return ProcessNumber.parse(number)
