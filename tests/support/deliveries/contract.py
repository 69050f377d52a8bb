"""Checks every response that a test gets against `/openapi.json`."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec

from service.api.openapi.document import document
from service.api.routes import ROUTES


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(ROUTES, server="/")))
    return found


@cache
def _validator(pointer: str) -> jsonschema_rs.Draft202012Validator:
    schema = {"$ref": pointer, "components": _document()["components"]}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


@cache
def _patterns() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    # The plain paths first, as the routes have them: /processes/search is no case number.
    ordered = sorted(_document()["paths"].items(), key=lambda item: item[0].count("{"))
    return [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), operations) for path, operations in ordered]


def expect_documented(method: str, path: str, status: int, headers: Mapping[str, str], body: Any) -> None:
    """Fail unless the document has the status, the headers, the body, and the code of a problem."""
    operations = next((operations for pattern, operations in _patterns() if pattern.fullmatch(path)), None)
    if operations is None or method.lower() not in operations:
        assert status in {404, 405}, f"{method} {path} answers {status} and is not documented"
        return
    told = operations[method.lower()]["responses"].get(str(status))
    assert told is not None, f"{method} {path} answers {status}, which is not documented: {body}"
    missing = [name for name in told["headers"] if name not in headers]
    assert not missing, f"{method} {path} answers {status} without {missing}"
    if contents := told.get("content"):
        media_type = headers["Content-Type"].partition(";")[0]
        assert media_type in contents
        _expect_body(f"{method} {path} {status}", contents[media_type], body)


def _expect_body(where: str, content: Mapping[str, Any], body: Any) -> None:
    if "$ref" not in content.get("schema", {}):
        return
    errors = [error.message for error in _validator(content["schema"]["$ref"]).iter_errors(body)]
    assert not errors, f"{where}: {errors[:3]}"
    if "examples" in content:
        assert body["code"] in content["examples"], f"{where} answers the code {body['code']}, which is not documented"
