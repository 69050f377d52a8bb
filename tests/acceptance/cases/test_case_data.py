"""The case as data, over HTTP: the main entry, the movements and the parties."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from service.database.cases import case_requests
from service.database.connection import Database
from service.domain.case_data import (
    CaseData,
    Instance,
    Movement,
    Party,
    PartyKind,
    Pole,
    RelatedProcess,
    Representative,
)
from service.domain.process_number import ProcessNumber
from tests.support.database.case_steps import listing_of
from tests.support.http.api import Api

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST, SECOND = "PRIMEIRO_GRAU", "SEGUNDO_GRAU"
LAWYER = Representative("João de Souza", "ADVOGADO", "SP123456")
MARIA = Party(Pole.ACTIVE, "AUTOR", "Maria da Silva", PartyKind.PERSON, False, (LAWYER,))
SEALED = Party(Pole.PASSIVE, "RÉU", None, None, True)


def moved(hour: int, instance: str = FIRST) -> Movement:
    return Movement(START + timedelta(hours=hour), f"Ato {hour}", instance)


def case(*parties: Party, movements: tuple[Movement, ...] = ()) -> CaseData:
    return CaseData(
        value=11092.5,
        judging_body="1ª Vara",
        instances=(Instance(FIRST, "1ª Vara", "Ação", START, is_current=True),),
        parties=parties,
        movements=movements,
        related_processes=(RelatedProcess("0100000-57.2022.5.02.0001", "DEPENDENCIA", None),),
    )


async def register(database: Database, number: str, data: CaseData) -> None:
    listing = msgspec.structs.replace(listing_of(ProcessNumber.parse(number)), case=data)
    async with database.transaction() as connection:
        await case_requests.register(connection, listing)


async def pages(api: Api, path: str, **parameters: Any) -> list[list[Any]]:
    """Every page, up to the end."""
    found: list[list[Any]] = []
    while True:
        answer = await api.get(path, **parameters)
        assert answer.status == 200, answer
        found.append(answer.json["items"])
        if (cursor := answer.json["next_cursor"]) is None:
            return found
        parameters["cursor"] = cursor


async def test_the_main_entry_shows_the_case(api: Api, database: Database, number: str) -> None:
    await register(database, number, case(MARIA, SEALED, movements=(moved(1), moved(2, SECOND))))

    answer = await api.process(number, auto_download="false")

    shown = answer.json
    assert (shown["process_number"], shown["value"], shown["judging_body"]) == (number, 11092.5, "1ª Vara")
    assert shown["instances"] == [
        {
            "instance": FIRST,
            "judging_body": "1ª Vara",
            "court_class": "Ação",
            "filed_at": "2026-01-01T12:00:00Z",
            "is_current": True,
        }
    ]
    assert [party["name"] for party in shown["parties"]] == ["Maria da Silva", None]
    assert shown["parties"][0]["representatives"] == [
        {"name": "João de Souza", "role": "ADVOGADO", "registration": "SP123456"}
    ]
    assert (shown["parties_total"], shown["movements_total"]) == (2, 2)
    assert (shown["last_movement"]["description"], shown["last_movement"]["instance"]) == ("Ato 2", SECOND)
    assert shown["related_processes"][0]["relation"] == "DEPENDENCIA"
    assert shown["listed_at"] is not None


async def test_another_movement_changes_the_tag_of_the_main_entry(api: Api, database: Database, number: str) -> None:
    await register(database, number, case(movements=(moved(1),)))
    first = await api.process(number, auto_download="false")

    await register(database, number, case(movements=(moved(1), moved(2))))
    second = await api.process(number, auto_download="false")

    assert first.headers["ETag"] != second.headers["ETag"]
    assert second.json["movements_total"] == 2


async def test_movements_are_paged_newest_first(api: Api, database: Database, number: str) -> None:
    await register(database, number, case(movements=tuple(moved(hour) for hour in (5, 4, 3, 2, 1))))
    path = f"/api/v1/processes/{number}/movements"

    found = await pages(api, path, limit=2)

    assert [[each["description"] for each in page] for page in found] == [
        ["Ato 5", "Ato 4"],
        ["Ato 3", "Ato 2"],
        ["Ato 1"],
    ]
    assert found[0][0] == {
        "id": str(moved(5).id_in(ProcessNumber.parse(number))),
        "occurred_at": "2026-01-01T17:00:00Z",
        "description": "Ato 5",
        "instance": FIRST,
        "type_code": None,
        "judging_body": None,
        "complements": [],
    }


async def test_movements_are_filtered_by_instance_and_time(api: Api, database: Database, number: str) -> None:
    await register(database, number, case(movements=(moved(4), moved(3, SECOND), moved(2, SECOND), moved(1))))
    path = f"/api/v1/processes/{number}/movements"

    of_second = await pages(api, path, limit=1, instance=SECOND)
    recent = await pages(api, path, since="2026-01-01T12:00:00-03:00")
    neither = await pages(api, path, instance="TURMA_RECURSAL")

    assert [each["description"] for page in of_second for each in page] == ["Ato 3", "Ato 2"]
    assert [each["description"] for page in recent for each in page] == ["Ato 4", "Ato 3"]
    assert neither == [[]]


async def test_more_parties_than_the_main_entry_shows_are_paged(api: Api, database: Database, number: str) -> None:
    parties = tuple(Party(Pole.OTHER, name=f"Parte {place}") for place in range(203))
    await register(database, number, case(*parties))

    shown = (await api.process(number, auto_download="false")).json
    found = await pages(api, f"/api/v1/processes/{number}/parties", limit=200)

    assert (len(shown["parties"]), shown["parties_total"]) == (200, 203)
    assert [each["name"] for page in found for each in page] == [party.name for party in parties]


@pytest.mark.parametrize("what", ["movements", "parties"])
async def test_a_case_without_data_has_empty_lists_and_an_unknown_one_is_no_case(
    api: Api, database: Database, number: str, what: str
) -> None:
    path = f"/api/v1/processes/{number}/{what}"
    assert (await api.get(path)).json["code"] == "process_not_found"

    await register(database, number, CaseData())

    assert (await api.get(path)).json == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("what", ["movements", "parties"])
@pytest.mark.parametrize("cursor", ["x", "WzFd", "WzIxNDc0ODM2NDhd", "WzFlNDAwXQ==", "bnVsbA==", "Wy0xXQ=="])
async def test_a_cursor_of_another_list_is_refused_or_ends(api: Api, number: str, what: str, cursor: str) -> None:
    answer = await api.get(f"/api/v1/processes/{number}/{what}", cursor=cursor)

    # `WzFd` is a cursor of the list of parties.
    assert answer.json["code"] in {"invalid_parameter", "process_not_found"}
    assert answer.status in {400, 404}
