"""Tables as bodies: a request that sends CSV gets CSV, unless it asks for JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.responses import Response

from service.api.framework.bodies import body_bytes
from service.api.framework.body_faults import invalid_body
from service.api.framework.csv_tables import CSV_MEDIA_TYPE, Column, CsvError, first_column, table
from service.api.framework.state import ApiRequest
from service.http.problems import FieldError


def is_csv(request: ApiRequest) -> bool:
    """Whether the body is sent as CSV."""
    return _media_type(request.headers.get("Content-Type", "")) == CSV_MEDIA_TYPE


async def csv_column(request: ApiRequest) -> Column:
    """The first column of the body. Raises the problem `invalid_body` (400), and those of `json_bytes`."""
    try:
        return first_column(await body_bytes(request), _charset(request.headers.get("Content-Type", "")))
    except CsvError as error:
        raise invalid_body(FieldError("", str(error))) from None


def wants_json(request: ApiRequest) -> bool:
    """Whether `Accept` prefers JSON to CSV. One that allows both equally does not."""
    weights = dict(map(_weighted, request.headers.get("Accept", "*/*").split(",")))
    anything = weights.get("*/*", 0.0)
    csv = weights.get(CSV_MEDIA_TYPE, weights.get("text/*", anything))
    return weights.get("application/json", weights.get("application/*", anything)) > csv


def csv_response(rows: Iterable[Sequence[Any]], like: Column) -> Response:
    """Rows as a table of the same form as `like`."""
    media_type = f"{CSV_MEDIA_TYPE}; charset=utf-8; header=present"
    return Response(table(rows, like), headers={"Cache-Control": "no-store"}, media_type=media_type)


def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()


def _charset(content_type: str) -> str | None:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"') or None
    return None


def _weighted(accepted: str) -> tuple[str, float]:
    """A media range of `Accept` with its weight. A weight that cannot be read counts as 1."""
    name, *parameters = (part.strip().lower() for part in accepted.split(";"))
    weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    return name, float(weight) if weight.replace(".", "", 1).isdecimal() and weight.isascii() else 1.0
