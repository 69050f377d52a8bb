"""`autos documents`, as operators type it."""

from typing import Any

import msgspec

from service.local.simulator import DocumentSpec
from tests.support.commands import assert_refused, run_autos
from tests.support.http.api import Api
from tests.support.portal import Portal


async def told(environment: dict[str, str], *arguments: str) -> Any:
    said = await run_autos(environment, "documents", *arguments, "--json")
    assert said.returncode == 0, said.stderr
    return msgspec.json.decode(said.stdout)


async def test_documents_are_shown_beside_what_is_listed(
    environment: dict[str, str], api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(name="right.pdf"), DocumentSpec(name="other.pdf", declared_size=7))
    await api.process(number)
    await api.ended(number)

    both, flagged = await told(environment, number), await told(environment, number, "--flagged")
    table = await run_autos(environment, "documents", number)

    assert [each["name"] for each in both] == ["right.pdf", "other.pdf"]
    assert [(each["size"], each["declared_size"], each["content_flags"]) for each in flagged] == [
        (20_000, 7, ["size_mismatch"])
    ]
    (line,) = [line for line in table.stdout.splitlines() if "other.pdf" in line]
    assert line.split() == [
        *("other.pdf", "available", "20000", "7", "application/pdf", "application/pdf", "size_mismatch", "-"),
    ]


async def test_a_case_that_is_not_known_has_no_documents(environment: dict[str, str], number: str) -> None:
    assert_refused(await run_autos(environment, "documents", number), "no documents of this case are known")
