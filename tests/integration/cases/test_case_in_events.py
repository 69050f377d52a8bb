"""The case in its events, and when a repeated request is another event."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from service.database.cases import case_events, case_facts, case_requests
from service.database.deliveries import events
from service.domain.case_data import CaseData, Movement, Party, Pole, Representative
from service.domain.case_facts import CaseFacts, CaseMovement
from service.domain.events import UPDATED, AddedDocument, CaseUpdate, EventBody
from tests.support.database.case_steps import CaseSteps, listed

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
FILED = Movement(NOW, "Juntada", "PRIMEIRO_GRAU")
CASE = CaseData(value=1500.5, parties=(Party(Pole.ACTIVE, name="Maria"),), movements=(FILED,))


async def register(steps: CaseSteps, case: CaseData | None) -> None:
    listing = msgspec.structs.replace(steps.listing(listed("a")), case=case)
    await steps.run(lambda connection: case_requests.register(connection, listing))


async def bodies(steps: CaseSteps) -> list[dict[str, Any]]:
    return [event["body"] for event in await steps.events()]


async def test_the_end_of_a_job_tells_the_case(steps: CaseSteps) -> None:
    await register(steps, CASE)
    await steps.complete()

    [body] = await bodies(steps)

    process = body["process"]
    assert (process["court"], process["value"], process["parties_total"]) == ("TJSP", 1500.5, 1)
    assert process["parties"][0]["name"] == "Maria"
    assert process["last_movement"]["id"] == str(FILED.id_in(steps.number))
    assert process["listed_at"] is not None


async def test_a_repeated_request_tells_a_new_movement_and_not_a_new_listing(steps: CaseSteps) -> None:
    await register(steps, CASE)
    await steps.complete()
    await steps.ask("url")

    await register(steps, CASE)
    await steps.ask("url")
    assert len(await bodies(steps)) == 2  # that of the job, and one

    other = Movement(NOW.replace(hour=13), "Conclusos", "PRIMEIRO_GRAU")
    await register(steps, msgspec.structs.replace(CASE, movements=(other, FILED)))
    await steps.ask("url")
    await steps.ask("url")

    assert [body["process"]["movements_total"] for body in await bodies(steps)] == [1, 1, 2]


async def test_the_upgrade_alone_is_no_other_event(steps: CaseSteps) -> None:
    """The version before wrote no case into the event, and no data of it into the database."""
    await register(steps, None)
    await steps.complete()
    await steps.ask("url")
    await steps.fetch("UPDATE events SET body = body - 'process' - 'update' WHERE process_number = :number")
    [before] = [event["fingerprint"] for event in await steps.events() if event["fingerprint"]]

    await register(steps, None)
    await steps.ask("url")

    assert [event["fingerprint"] for event in await steps.events() if event["fingerprint"]] == [before]


async def facts(steps: CaseSteps) -> CaseFacts:
    found = await steps.run(lambda connection: case_facts.find(connection, steps.number))
    assert found is not None
    return found


@pytest.mark.parametrize("truncated", [False, True])
async def test_an_update_is_stored_with_the_case(steps: CaseSteps, *, truncated: bool) -> None:
    await register(steps, CASE)
    row = (await steps.documents())["a"]
    added = AddedDocument(row["id"], "u", "n", "t", row["status"], None, None, None, None, None, None, replaced=True)
    movement = CaseMovement(FILED.id_in(steps.number), NOW, "Juntada", "PRIMEIRO_GRAU", None, None, ())
    update = CaseUpdate((added,), (movement,), truncated, truncated, NOW)

    event_id = await steps.run(lambda connection: case_events.record_update(connection, steps.number, update))

    event = await steps.run(lambda connection: events.find(connection, event_id))
    assert event.type == UPDATED
    assert msgspec.json.encode(event.body.update) == msgspec.json.encode(update)
    assert event.body.process is not None
    assert event.body.process.parties_total == 1
    assert (event.body.total_documents, event.body.documents_truncated) == (1, truncated)


async def told(steps: CaseSteps) -> EventBody:
    """The newest event, as a worker reads it for an attempt."""
    newest = (await steps.events())[-1]
    return (await steps.run(lambda connection: events.find(connection, newest["id"]))).body


async def test_an_attempt_names_no_party_that_was_sealed_after_the_event(steps: CaseSteps) -> None:
    lawyer = (Representative("João", "ADVOGADO", "SP1"),)
    maria, jose = Party(Pole.ACTIVE, "AUTOR", "Maria", None, False, lawyer), Party(Pole.PASSIVE, name="José")
    await register(steps, CaseData(parties=(maria, jose)))
    await steps.complete()
    assert (await told(steps)).process == msgspec.structs.replace(await facts(steps), parties=(maria, jose))

    sealed = Party(Pole.ACTIVE, "AUTOR", is_sealed=True)
    await register(steps, CaseData(parties=(sealed, jose)))

    process = (await told(steps)).process
    assert process is not None
    assert process.parties == (sealed, jose)
    assert "Maria" not in str((await steps.events())[-1]["body"])


async def test_an_attempt_names_parties_that_are_only_no_longer_listed(steps: CaseSteps) -> None:
    maria, jose = Party(Pole.ACTIVE, name="Maria"), Party(Pole.PASSIVE, name="José")
    await register(steps, CaseData(parties=(maria, jose)))
    await steps.complete()

    await register(steps, CaseData(parties=(jose,)))

    process = (await told(steps)).process
    assert process is not None
    assert process.parties == (maria, jose)
