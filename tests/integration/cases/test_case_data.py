"""The case as data: what a listing writes, and what it leaves alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from service.api.framework.entity_tags import case_tag
from service.database.cases import case_data, case_requests, processes
from service.database.cases.case_data import StoredCase, StoredMovement
from service.domain.case_data import (
    CaseData,
    Complement,
    Instance,
    Movement,
    Party,
    PartyKind,
    Pole,
    RelatedProcess,
    Representative,
)
from service.domain.case_facts import PARTIES_SHOWN
from service.domain.listings import ListedDocument
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from tests.support.database.case_steps import CaseSteps, listed, listing_of
from tests.support.database.migrations import create_before, migrate, roll_back_to
from tests.support.deliveries.deliveries import open_pool

START = datetime(2024, 1, 1, 12, tzinfo=UTC)
FIRST, SECOND = "PRIMEIRO_GRAU", "SEGUNDO_GRAU"
_DOCUMENT_OF_BEFORE = (
    "INSERT INTO documents (id, process_number, instance, origin_id, uuid, position, name, type, secrecy, copies,"
    " status) VALUES (:id, :number, 'PRIMEIRO_GRAU', :origin, 'uuid', 0, 'Nome', 'Tipo', 'PUBLICO', '[]', 'pending')"
)


def moved(hour: int, instance: str = FIRST, **changes: Any) -> Movement:
    values: dict[str, Any] = {"occurred_at": START + timedelta(hours=hour), "description": f"Ato {hour}"} | changes
    return Movement(instance=instance, **values)


def data(*movements: Movement, **changes: Any) -> CaseData:
    return CaseData(movements=movements, **changes)


async def register(steps: CaseSteps, case: CaseData | None, *found: ListedDocument, asked: int | None = None) -> None:
    listing = msgspec.structs.replace(steps.listing(*found, asked=asked), case=case)
    await steps.run(lambda connection: case_requests.register(connection, listing))


async def stored(steps: CaseSteps) -> StoredCase:
    found = await steps.run(lambda connection: case_data.find(connection, steps.number))
    assert found is not None
    return found


async def movements(steps: CaseSteps, **wanted: Any) -> list[StoredMovement]:
    return await steps.run(
        lambda connection: case_data.movements_page(connection, steps.number, **{"limit": 10_000} | wanted)
    )


async def versions(steps: CaseSteps, table: str) -> dict[str, Any]:
    """The transaction that wrote each row last."""
    rows = await steps.fetch(f"SELECT to_jsonb(t) AS row, xmin FROM {table} AS t WHERE process_number = :number")  # noqa: S608
    return {row["row"]: row["xmin"] for row in rows}


async def test_what_is_listed_is_what_is_found(steps: CaseSteps) -> None:
    lawyer = Representative("Ana", "ADVOGADO", "SP 1")
    parties = (
        Party(Pole.ACTIVE, "AUTOR", "Empresa", PartyKind.COMPANY, representatives=(lawyer,)),
        Party(Pole.PASSIVE, is_sealed=True, representatives=(Representative(role="ADVOGADO"),)),
    )
    instances = (Instance(FIRST, "1a Vara", "Procedimento", START, is_current=True), Instance(SECOND))
    related = (RelatedProcess("0000002-24.2024.8.26.0100", "APENSO", None),)
    complements = (Complement("destino", "arquivo"),)
    newest = moved(2, type_code=26, judging_body="1a Vara", complements=complements)
    case = CaseData(12.5, "1a Vara", instances, parties, (newest, moved(1)), related)

    await register(steps, case, listed("a"))

    found = await stored(steps)
    assert found.value == 12.5
    assert (found.judging_body, found.instances) == ("1a Vara", instances)
    assert (found.parties, found.parties_total, found.movements_total) == (parties, 2, 2)
    assert found.related_processes == related
    assert found.last_movement == StoredMovement(
        newest.id_in(steps.number), newest.occurred_at, "Ato 2", FIRST, 26, "1a Vara", complements
    )
    assert found.listing is None
    assert await movements(steps, limit=1) == [found.last_movement]


async def test_300_movements_of_each_of_two_instances_give_600_and_one_more_601_with_the_old_ids(
    steps: CaseSteps,
) -> None:
    first = [moved(place, instance) for instance in (FIRST, SECOND) for place in range(300)]
    await register(steps, data(*first))
    before = {each.id for each in await movements(steps)}
    await register(steps, data(*first))

    await register(steps, data(moved(300), *first))

    after = [each.id for each in await movements(steps)]
    assert (len(before), len(after), len(set(after))) == (600, 601, 601)
    assert before < set(after)
    assert after[0] == moved(300).id_in(steps.number)
    assert (await stored(steps)).movements_total == 601


async def test_only_what_changed_is_written(steps: CaseSteps) -> None:
    parties = (Party(Pole.ACTIVE, name="A"), Party(Pole.PASSIVE, name="B"))
    await register(steps, data(moved(1), moved(2), parties=parties))
    before = {table: await versions(steps, table) for table in ("movements", "parties")}

    await register(steps, data(moved(1), moved(2, judging_body="2a Vara"), moved(3), parties=parties))

    after = {table: await versions(steps, table) for table in ("movements", "parties")}
    assert after["parties"] == before["parties"]
    assert len(after["movements"].items() & before["movements"].items()) == 1
    await register(steps, data(moved(1), parties=parties[:1]))
    found = await stored(steps)
    assert (found.parties, found.parties_total) == (parties[:1], 1)


async def test_a_movement_that_comes_back_is_not_new(steps: CaseSteps) -> None:
    await register(steps, data(moved(1), moved(2)))
    await register(steps, data(moved(1)))
    assert [each.description for each in await movements(steps)] == ["Ato 1"]
    assert (await stored(steps)).movements_total == 1

    await register(steps, data(moved(1), moved(2)))

    assert [each.description for each in await movements(steps)] == ["Ato 2", "Ato 1"]
    rows = await steps.fetch(
        "SELECT count(DISTINCT first_listed) AS times FROM movements WHERE process_number = :number"
    )
    assert rows[0]["times"] == 1


@pytest.mark.parametrize("case", [None, CaseData()], ids=["unreadable", "empty"])
async def test_a_listing_without_data_hides_nothing(steps: CaseSteps, case: CaseData | None) -> None:
    await register(steps, data(moved(1), parties=(Party(Pole.ACTIVE, name="A"),)))
    before = await stored(steps)

    await register(steps, case)

    found = await stored(steps)
    assert (found.parties, found.parties_total) == (before.parties, 1)
    assert (found.last_movement, found.movements_total) == (before.last_movement, 1)


async def test_an_instance_whose_movements_are_missing_keeps_them(steps: CaseSteps) -> None:
    instances = (Instance(FIRST), Instance(SECOND))
    await register(steps, data(moved(1), moved(2), moved(3, SECOND), instances=instances, value=1.0))

    await register(steps, data(moved(2)))

    assert [each.description for each in await movements(steps)] == ["Ato 3", "Ato 2"]
    found = await stored(steps)
    assert (found.instances, found.value, found.movements_total) == (instances, 1.0, 2)


async def test_parts_that_could_not_be_read_hide_nothing(steps: CaseSteps) -> None:
    related = (RelatedProcess("0000002-24.2024.8.26.0100"),)
    parties = (Party(Pole.ACTIVE, name="A"), Party(Pole.PASSIVE, name="B"))
    await register(steps, data(moved(1), parties=parties, related_processes=related))

    unread = ("parties", "movements", "related_processes")
    await register(steps, data(moved(2), parties=parties[1:], unread=unread))

    found = await stored(steps)
    assert (found.parties, found.related_processes, found.movements_total) == (parties, related, 2)


async def test_news_is_the_listing_that_brought_it(steps: CaseSteps) -> None:
    async def news() -> tuple[dict[str, int], dict[str, int]]:
        documents = await steps.fetch("SELECT origin_id, news FROM documents WHERE process_number = :number")
        rows = await steps.fetch("SELECT description, first_listed FROM movements WHERE process_number = :number")
        return (
            {each["origin_id"]: each["news"] for each in documents},
            {each["description"]: each["first_listed"] for each in rows},
        )

    await register(steps, data(moved(1)), listed("a"), listed("b"), asked=10)
    await register(steps, data(moved(1), moved(2)), listed("a"), listed("b", "2"), listed("c"), asked=20)
    await register(steps, data(moved(3)), listed("d"), asked=15)

    assert await news() == ({"a": 10, "b": 20, "c": 20}, {"Ato 1": 10, "Ato 2": 20})


async def test_pages_of_movements_are_in_a_total_order(steps: CaseSteps) -> None:
    same = [moved(1, description=f"Igual {place}", place=place) for place in range(5)]
    undated = [moved(0, occurred_at=None, description=f"Sem data {place}") for place in range(3)]
    await register(steps, data(*same, *undated, moved(9, SECOND)))
    everything = await movements(steps)

    read: list[StoredMovement] = []
    while page := await movements(steps, after=read[-1].id if read else None, limit=2):
        read += page

    assert read == everything
    assert [each.description for each in read[:6]] == ["Ato 9", *(f"Igual {place}" for place in reversed(range(5)))]
    assert all(each.occurred_at is None for each in read[6:])
    assert [each.instance for each in await movements(steps, instance=SECOND)] == [SECOND]
    assert [each.description for each in await movements(steps, since=START + timedelta(hours=9))] == ["Ato 9"]


async def test_a_page_goes_on_after_a_movement_that_is_no_longer_listed(steps: CaseSteps) -> None:
    await register(steps, data(moved(1), moved(2), moved(3)))
    await register(steps, data(moved(1), moved(3)))

    page = await movements(steps, after=moved(2).id_in(steps.number))

    assert [each.description for each in page] == ["Ato 1"]


async def test_parties_are_shown_up_to_a_limit_and_paged(steps: CaseSteps) -> None:
    parties = tuple(Party(Pole.OTHER, name=f"Parte {place}") for place in range(PARTIES_SHOWN + 5))
    await register(steps, data(parties=parties))

    found = await stored(steps)
    page = await steps.run(lambda connection: case_data.parties_page(connection, steps.number, after=199, limit=3))

    assert found.parties == parties[:PARTIES_SHOWN]
    assert found.parties_total == len(parties)
    assert page == [(place, parties[place]) for place in (200, 201, 202)]


async def test_the_tag_of_the_main_entry_changes_with_the_data(steps: CaseSteps) -> None:
    async def tag() -> str:
        overview = await steps.run(
            lambda connection: processes.versioned_overview(connection, steps.number, steps.user_id)
        )
        assert overview is not None
        return case_tag("case", steps.number, overview, link_ttl=10**9)

    await register(steps, data(moved(1)), listed("a"))
    before = await tag()
    assert await tag() == before

    await register(steps, data(moved(1), moved(2)), listed("a"))

    assert await tag() != before


async def test_10000_movements_are_registered_in_time(steps: CaseSteps) -> None:
    many = [moved(hour) for hour in range(10_000)]
    await register(steps, data(*many))
    await register(steps, data(moved(10_000), *many))

    assert (await stored(steps)).movements_total == 10_001


async def test_the_migration_leaves_cases_of_the_version_before_usable(stack: Stack, number: str) -> None:
    url = await create_before(stack, "0036")
    case = ProcessNumber.parse(number)
    async with open_pool(url) as database:
        async with database.connection() as connection:
            await connection.execute("INSERT INTO processes (number) VALUES (:number)", {"number": case.digits})
            await connection.execute(
                _DOCUMENT_OF_BEFORE, {"number": case.digits, "id": listed("a").id_in(case), "origin": "a"}
            )
        await migrate(url)
        async with database.connection() as connection:
            # A process of the version before, which still runs.
            await connection.execute(
                _DOCUMENT_OF_BEFORE, {"number": case.digits, "id": listed("b").id_in(case), "origin": "b"}
            )
            assert await case_data.find(connection, case) is None
        listing = msgspec.structs.replace(listing_of(case, listed("a"), listed("b")), case=data(moved(1)))
        await database.run(lambda connection: case_requests.register(connection, listing))
        async with database.connection() as connection:
            assert (await case_data.find(connection, case)) is not None
        await roll_back_to(url, "0036")
        async with database.connection() as connection:
            count = await connection.fetch_val("SELECT count(*) FROM documents")
    assert count == 2
    assert "0036.case_data" in await migrate(url)
