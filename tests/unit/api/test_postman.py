"""The Postman collection is the one that the code makes, and complete."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from click.testing import CliRunner

from service.api.openapi.document import document
from service.api.routes import ROUTES
from service.cli import main
from tests.support.processes import REPOSITORY

FILE = REPOSITORY / "docs" / "autos.postman_collection.json"
COLLECTION: dict[str, Any] = msgspec.json.decode(FILE.read_bytes())


def requests(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every request below a folder."""
    if "request" in item:
        yield item
    for each in item.get("item", ()):
        yield from requests(each)


def test_it_is_current() -> None:
    made = CliRunner().invoke(main, ["postman"], catch_exceptions=False)

    assert made.exit_code == 0
    assert made.stdout == FILE.read_text(), "the API has changed: `make documents` makes the collection anew"


def test_it_has_every_operation_once() -> None:
    told = [
        f"{method.upper()} {path}"
        for path, methods in document(ROUTES, server="/")["paths"].items()
        for method in methods
    ]
    chapters = [folder for folder in COLLECTION["item"] if folder["name"] != "Flows"]
    found = [f"{each['request']['method']} {each['name']}" for folder in chapters for each in requests(folder)]

    assert sorted(found) == sorted(told)


def test_every_folder_request_and_script_has_an_id_of_its_own() -> None:
    ids = re.findall(r'"(?:_postman_)?id": "([0-9a-f-]{36})"', FILE.read_text())

    assert len(ids) > len(list(requests(COLLECTION)))
    assert len(ids) == len(set(ids))


def test_what_needs_no_key_is_sent_none() -> None:
    told = {
        path
        for path, methods in document(ROUTES, server="/")["paths"].items()
        for operation in methods.values()
        if operation.get("security") == []
    }
    found = {each["name"] for each in requests(COLLECTION) if each["request"].get("auth") == {"type": "noauth"}}

    assert found == told


def test_every_variable_that_it_uses_is_one_that_it_has() -> None:
    text = FILE.read_text()
    used = {*re.findall(r"{{(\w+)}}", text), *re.findall(r'collectionVariables\.[gs]et\(\\"(\w+)', text)}

    assert used == {variable["key"] for variable in COLLECTION["variable"]}


def test_it_holds_no_key() -> None:
    assert next(each["value"] for each in COLLECTION["variable"] if each["key"] == "api_key") == ""
    assert "autos_" not in FILE.read_text()


def test_the_document_is_printed_for_an_address() -> None:
    printed = CliRunner().invoke(main, ["openapi", "--server", "https://autos.example.com"], catch_exceptions=False)

    expected = document(ROUTES, server="https://autos.example.com")
    assert msgspec.json.decode(printed.stdout) == msgspec.json.decode(msgspec.json.encode(expected))
