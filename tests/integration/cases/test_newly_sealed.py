"""A party that becomes sealed loses its name in what earlier listings left, too."""

import msgspec

from service.database.cases import case_events, case_requests
from service.domain.case_data import CaseData, Complement, Movement, Party, Pole, Representative
from service.domain.events import EventBody
from tests.support.database.case_steps import CaseSteps, listed

NAME = 'Zé "Bob" d\'Ávila (filho)'
LAWYER = Representative("Bia Lima")


async def register(steps: CaseSteps, *parties: Party, movements: tuple[Movement, ...] = ()) -> None:
    listing = msgspec.structs.replace(steps.listing(listed("a")), case=CaseData(parties=parties, movements=movements))
    await steps.run(lambda connection: case_requests.register(connection, listing))
    await steps.run(lambda connection: case_events.record_state(connection, steps.number, limit=10))


async def left(steps: CaseSteps) -> str:
    """All that is stored of events, movements and parties."""
    tables = ("events", "movements", "parties")
    found = [await steps.fetch(f"SELECT CAST(t AS text) FROM {t} AS t WHERE process_number = :number") for t in tables]  # noqa: S608
    return str(found)


async def test_a_party_that_becomes_sealed_has_no_name_in_events_and_hidden_movements(steps: CaseSteps) -> None:
    open_party = Party(Pole.ACTIVE, "AUTOR", NAME, representatives=(LAWYER,))
    other = Party(Pole.PASSIVE, "RÉU", "Ana d'Ávila")
    told = Movement(None, f"Intimação de {NAME.upper()}.", "X", complements=(Complement("a", NAME),))
    await register(steps, open_party, other, movements=(told,))
    assert "Bob" in await left(steps)

    sealed = Party(Pole.ACTIVE, "AUTOR", is_sealed=True, representatives=(Representative(),))
    await register(steps, sealed, other, movements=(Movement(None, "Intimação de [sigiloso].", "X"),))

    words = await left(steps)
    assert "bob" not in words.lower()
    assert "Bia Lima" not in words
    assert "Ana d" in words
    (event,) = await steps.fetch(
        "SELECT body #>> '{process,parties,0,name}' AS name, body #>> '{process,parties,0,is_sealed}' AS is_sealed,"
        " body #>> '{process,last_movement,description}' AS description FROM events WHERE process_number = :number"
        " ORDER BY occurred_at LIMIT 1"
    )
    assert event == {"name": None, "is_sealed": "true", "description": "Intimação de [sigiloso])."}


async def test_a_name_that_is_a_word_of_the_stored_form_spoils_nothing(steps: CaseSteps) -> None:
    names = ("STATUS", "Name", "true", "Process Number", "Role Ana", "...")
    parties = [Party(Pole.ACTIVE, name=name) for name in names]
    await register(steps, *parties, Party(Pole.PASSIVE, "Ana"))

    await register(steps, Party(Pole.ACTIVE, is_sealed=True))

    rows = await steps.fetch("SELECT body FROM events WHERE process_number = :number")
    events = [msgspec.json.decode(row["body"], type=EventBody) for row in rows]
    assert [(each.status, each.process_number) for each in events] == [("pending", steps.number.masked)] * 2
    told = [party for each in events if each.process is not None for party in each.process.parties]
    assert {party.name for party in told if party.pole is Pole.ACTIVE} == {None}


async def test_a_party_that_leaves_a_case_with_a_sealed_one_stays_in_its_events(steps: CaseSteps) -> None:
    sealed, other = Party(Pole.ACTIVE, is_sealed=True), Party(Pole.PASSIVE, name=NAME)
    await register(steps, sealed, other)

    await register(steps, sealed)

    assert "Bob" in await left(steps)
