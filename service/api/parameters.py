"""Path and query parameters, each with the one problem it can have."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

import msgspec

from service.api.problems import FieldError, Problem, invalid_parameter
from service.api.state import ApiRequest
from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.webhooks.address_guard import check_url
from service.webhooks.address_policy import InvalidWebhookUrl

Choice = TypeVar("Choice", bound=StrEnum)

_BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


def process_number(request: ApiRequest) -> ProcessNumber:
    """The case in the path, before anything is asked of anyone."""
    try:
        return ProcessNumber.parse(request.path_params["number"])
    except InvalidProcessNumber as error:
        raise Problem(400, "invalid_process_number", str(error)) from None


def document_id(request: ApiRequest) -> UUID | None:
    """The document in the path; None for what cannot be the id of any."""
    try:
        return UUID(request.path_params["document_id"])
    except ValueError:
        return None


def boolean(request: ApiRequest, name: str, *, default: bool) -> bool:
    """`true` or `false`, in any case."""
    given = request.query_params.get(name)
    if given is None:
        return default
    value = _BOOLEANS.get(given.lower())
    if value is None:
        raise invalid_parameter(name, "It must be true or false.")
    return value


def choice(request: ApiRequest, name: str, kind: type[Choice]) -> Choice | None:
    """One of the words of an enumeration."""
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        return kind(given)
    except ValueError:
        raise invalid_parameter(name, f"It must be one of {', '.join(kind)}.") from None


def identifier(request: ApiRequest, name: str) -> UUID | None:
    """A UUID."""
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        return UUID(given)
    except ValueError:
        raise invalid_parameter(name, "It must be a UUID.") from None


def moment(request: ApiRequest, name: str) -> datetime | None:
    """A moment after RFC 3339, in UTC."""
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        # A plus sign that was not escaped arrives as a space.
        return aware(msgspec.convert(given.replace(" ", "+"), datetime), name)
    except msgspec.ValidationError:
        raise invalid_parameter(name, "It must be a time such as 2026-01-31T12:00:00Z.") from None


def aware(given: datetime, name: str) -> datetime:
    """A moment in UTC, where it says in which zone it was meant."""
    try:
        if given.tzinfo is not None:
            return given.astimezone(UTC)
    except OverflowError:
        pass
    raise invalid_parameter(name, "It must be a time with its zone, such as 2026-01-31T12:00:00Z.")


async def webhook_url(request: ApiRequest) -> str | None:
    """The canonical URL to call back, after the whole address guard has agreed to it."""
    given = request.query_params.get("webhook_url")
    return None if given is None else await checked_webhook_url(request, given)


async def checked_webhook_url(request: ApiRequest, given: str) -> str:
    """The canonical form of a URL, or the 400 problem that names the rule it breaks."""
    try:
        return await check_url(given, request.state["webhook_policy"], request.state["resolver"])
    except InvalidWebhookUrl as error:
        refused = FieldError("webhook_url", error.message)
        raise Problem(400, "invalid_webhook_url", str(error), errors=(refused,)) from None
