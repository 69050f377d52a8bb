"""`/openapi.json` describes everything, and its examples match its schemas."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jsonschema_rs
import msgspec
import pytest

from service.api.openapi.document import document
from service.api.routes import ROUTES
from service.domain.described.enums import DescribedEnum
from service.domain.events import Event, EventBody, EventDocument
from service.domain.statuses import DocumentStatus, ProcessStatus
from service.webhooks.payload import render
from service.webhooks.test_events import render_test
from tests.support.pages import Page

DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(ROUTES, server="/")))
SHOWN_BY_THEIR_TYPE = ("enum", "default", "const")


class Signer:
    """Signs links to nowhere."""

    async def link_expiry(self) -> datetime:
        """As `ObjectStore.link_expiry`."""
        return datetime(2026, 1, 31, tzinfo=UTC)

    async def link(self, key: str, name: str, mime_type: str) -> str:
        """As `ObjectStore.link`."""
        return f"https://bucket.example.com/{key}?{name}&{mime_type}"


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation and webhook of the document, with a name for messages."""
    for path, methods in (DOCUMENT["paths"] | DOCUMENT["webhooks"]).items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def members() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Every member of every type: its schema, and those that it is any of."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for member, inner in schema.get("properties", {}).items():
            yield f"{name}.{member}", [inner, *inner.get("anyOf", ())]


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every JSON body of requests and responses."""
    for name, operation in operations():
        told = {"body": operation.get("requestBody", {}), **operation["responses"]}
        found = [(what, *shown) for what, each in told.items() for shown in each.get("content", {}).items()]
        for what, media_type, content in found:
            if "json" in media_type and name != "get /openapi.json":
                yield f"{name} {what}", content


def is_shown(schema: dict[str, Any]) -> bool:
    """True if the document shows what a value looks like."""
    if "examples" in schema or schema.get("type") == "boolean":
        return True
    return any(word in schema for word in SHOWN_BY_THEIR_TYPE) or "$ref" in schema or "$ref" in schema.get("items", {})


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, validate_formats=True, ignore_unknown_formats=True
    )


def test_every_member_says_what_it_is_and_shows_a_value() -> None:
    undescribed = [name for name, schemas in members() if not any("description" in each for each in schemas)]
    unshown = [name for name, schemas in members() if not any(map(is_shown, schemas))]

    assert undescribed == []
    assert unshown == []


def test_every_type_says_what_it_is_and_every_status_what_it_means() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    statuses = [status for status in DescribedEnum.__subclasses__() if status.__name__ in schemas]
    values = [f"- `{value}`: {value.description}" for status in statuses for value in status]

    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    assert {name for name, schema in schemas.items() if "enum" in schema} == {each.__name__ for each in statuses}
    assert [value for status in statuses for value in status if not value.description] == []
    assert [line for line in values if not any(line in schema["description"] for schema in schemas.values())] == []


def test_every_parameter_says_what_it_is_and_shows_a_value() -> None:
    parameters = [(name, each) for name, operation in operations() for each in operation["parameters"]]

    assert [f"{name} {each['name']}" for name, each in parameters if not each["description"]] == []
    assert [f"{name} {each['name']}" for name, each in parameters if not is_shown(each["schema"])] == []


def test_every_body_and_answer_has_an_example_that_it_allows() -> None:
    for name, content in contents():
        shown = [each["value"] for each in content.get("examples", {}).values()] or [content.get("example")]
        errors = [error.message for value in shown for error in validator(content["schema"]).iter_errors(value)]
        assert errors == [], name


def test_every_operation_stands_in_a_chapter_that_is_described() -> None:
    chapters = [tag["name"] for tag in DOCUMENT["tags"]]

    assert all(tag["description"] for tag in DOCUMENT["tags"])
    assert {tag for _, operation in operations() for tag in operation["tags"]} == set(chapters)
    assert all(operation["summary"] for _, operation in operations())


@pytest.mark.parametrize("status", [ProcessStatus.COMPLETED, ProcessStatus.FAILED, ProcessStatus.CANCELLED])
@pytest.mark.parametrize("without_documents", [False, True])
async def test_a_webhook_is_sent_as_the_document_tells_it(status: ProcessStatus, *, without_documents: bool) -> None:
    now = datetime.now(UTC)
    stored = EventDocument(
        uuid4(), "1", "a.pdf", "A", DocumentStatus.AVAILABLE, 1, "application/pdf", "0" * 64, "key", None, None
    )
    missing = EventDocument(
        uuid4(), "2", "b.pdf", "B", DocumentStatus.FAILED, None, None, None, None, "portal_error", "It failed."
    )
    body = EventBody("0000123-06.2023.4.03.6100", uuid4(), status, 2, 1, 1, now, (stored, missing), False)
    event = Event(f"process.{status}", now, body)

    sent = msgspec.json.decode(
        await render(event, Signer(), public_url="https://autos.example.com", without_documents=without_documents)
    )

    told = DOCUMENT["webhooks"][event.type]["post"]["requestBody"]["content"]["application/json"]
    assert [error.message for error in validator(told["schema"]).iter_errors(sent)] == []
    assert sent.keys() == told["example"].keys()


def test_a_test_webhook_is_sent_as_the_document_tells_it() -> None:
    sent = msgspec.json.decode(render_test(datetime.now(UTC), {}, public_url="https://autos.example.com"))

    told = DOCUMENT["webhooks"]["webhook.test"]["post"]["requestBody"]["content"]["application/json"]
    assert [error.message for error in validator(told["schema"]).iter_errors(sent)] == []


def test_the_page_on_webhooks_shows_what_the_document_tells() -> None:
    told = DOCUMENT["webhooks"]["process.completed"]["post"]["requestBody"]["content"]["application/json"]
    shown = msgspec.json.decode(Page("docs/webhooks.md").written("json")[0])

    assert [error.message for error in validator(told["schema"]).iter_errors(shown)] == []
    assert shown.keys() == told["example"].keys()
