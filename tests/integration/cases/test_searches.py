"""Looking for cases and documents, as the pages for people do."""

from collections.abc import Iterator

import pytest

from service.database.cases import document_windows, process_lists
from service.database.cases.document_windows import Tally
from service.database.cases.process_lists import ProcessSearch
from service.domain.errors import ErrorCode
from service.domain.events import Counts
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DocumentStatus, ProcessStatus
from tests.support.database.case_steps import CaseSteps, listed

LIMIT = 500


async def found(steps: CaseSteps, **wanted: object) -> list[str]:
    search = ProcessSearch(**wanted)  # type: ignore[arg-type]  # each test gives what it looks for
    rows = await steps.run(lambda connection: process_lists.search(connection, search, after=None, limit=LIMIT))
    return [row.number for row in rows]


@pytest.fixture
async def known(steps: CaseSteps) -> CaseSteps:
    """A case with words that no other test uses."""
    await steps.register(listed("a"), listed("b"), listed("c"))
    await steps.fetch(
        "UPDATE processes SET court_class = 'Execução Xilográfica', subject = 'Dívida 100%_Zebra'"
        " WHERE number = :number RETURNING 1"
    )
    return steps


@pytest.mark.parametrize(
    "words",
    ["execucao", "EXECUÇÃO xilo", "zebra divida", "100%_", "  tjsp   xilografica ", "xilo xilo xilo xilo xilo no"],
)
async def test_words_are_found_without_accents_in_any_order_and_as_they_are(known: CaseSteps, words: str) -> None:
    assert known.number.digits in await found(known, words=words)


@pytest.mark.parametrize("words", ["xilo girafa", "1__%", "xilo'); --", "\\"])
async def test_each_word_has_to_be_there(known: CaseSteps, words: str) -> None:
    assert known.number.digits not in await found(known, words=words)


async def test_a_number_is_found_by_its_beginning(known: CaseSteps) -> None:
    digits = known.number.digits

    assert await found(known, digits=digits) == [digits]
    assert digits in await found(known, digits=digits[:7])
    assert digits not in await found(known, digits=str((int(digits[0]) + 1) % 10) + digits[1:7])


async def test_a_party_is_found_by_its_name_and_no_other_case(known: CaseSteps, supply: Iterator[str]) -> None:
    other = CaseSteps(known.database, ProcessNumber.parse(next(supply)), known.user_id)
    await other.register(listed("a"))
    await known.fetch(
        "INSERT INTO parties (process_number, position, pole, name, is_sealed, representatives)"
        " VALUES (:number, 0, 'active', 'Conceição Ñandú da Silva', false, '[]') RETURNING 1"
    )

    assert await found(known, words="conceicao nandu") == [known.number.digits]
    assert await found(known, words="nandu xilografica") == [known.number.digits]


async def test_failures_are_counted_by_their_reason(known: CaseSteps) -> None:
    await known.ask()
    job = await known.claim()
    tasks = await known.tasks(job)
    await known.start(job, tasks["a"])
    await known.fail(job, tasks["a"], ErrorCode.TOO_LARGE)

    tally = await known.run(lambda connection: document_windows.tally(connection, known.number))

    assert tally == Tally(Counts(total=3, completed=0, failed=1), {ErrorCode.TOO_LARGE: 1})


async def test_the_other_conditions_are_kept(known: CaseSteps) -> None:
    digits = known.number.digits

    assert await found(known, digits=digits, words="xilo", court="TJSP", status=ProcessStatus.PENDING) == [digits]
    assert await found(known, digits=digits, status=ProcessStatus.COMPLETED) == []
    assert await found(known, digits=digits, court="TRF3") == []
    assert digits in await found(known, court="TJSP", status=ProcessStatus.PENDING)


async def test_documents_are_counted_for_the_cases_of_a_page(known: CaseSteps, supply: Iterator[str]) -> None:
    await known.ask()
    job = await known.claim()
    tasks = await known.tasks(job)
    await known.start(job, tasks["a"])
    await known.store(job, tasks["a"], following=tasks["b"])
    await known.fail(job, tasks["b"])
    unknown = ProcessNumber.parse(next(supply))

    counts = await known.run(lambda connection: process_lists.counts_of(connection, [known.number, unknown]))

    assert counts == {known.number: Counts(total=3, completed=1, failed=1)}


async def test_a_window_of_the_documents_is_in_the_order_of_the_file(known: CaseSteps) -> None:
    await known.ask()
    job = await known.claim()
    tasks = await known.tasks(job)
    await known.start(job, tasks["b"])
    await known.fail(job, tasks["b"], ErrorCode.TOO_LARGE)

    async def names(skipped: int, limit: int, *, only_failed: bool = False) -> list[str]:
        lines = await known.run(
            lambda connection: document_windows.window(
                connection, known.number, skipped=skipped, limit=limit, only_failed=only_failed
            )
        )
        return [line.name for line in lines]

    assert await names(0, 2) == ["Petição a", "Petição b"]
    assert await names(2, 2) == ["Petição c"]
    assert await names(3, 2) == []
    assert await names(0, 2, only_failed=True) == ["Petição b"]


async def test_a_line_says_what_failed_and_whether_there_is_a_file(known: CaseSteps) -> None:
    await known.ask()
    job = await known.claim()
    tasks = await known.tasks(job)
    await known.start(job, tasks["a"])
    await known.store(job, tasks["a"], following=tasks["b"], size=7)
    await known.fail(job, tasks["b"], ErrorCode.TOO_LARGE)

    lines = await known.run(lambda connection: document_windows.window(connection, known.number, skipped=0, limit=3))

    shown = [(line.status, line.is_stored, line.size, line.error_code) for line in lines]
    assert shown == [
        (DocumentStatus.AVAILABLE, True, 7, None),
        (DocumentStatus.FAILED, False, 100, ErrorCode.TOO_LARGE),
        (DocumentStatus.PROCESSING, False, 100, None),
    ]
