"""Path and query parameters, each with the one problem it can have."""

from collections.abc import Mapping
from uuid import UUID

from service.api.problems import FieldError, Problem, invalid_parameter
from service.api.state import ApiRequest
from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.webhooks.address_guard import check_url
from service.webhooks.address_policy import InvalidWebhookUrl

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


async def webhook_url(request: ApiRequest) -> str | None:
    """The canonical URL to call back, after the whole address guard has agreed to it."""
    given = request.query_params.get("webhook_url")
    if given is None:
        return None
    try:
        return await check_url(given, request.state["webhook_policy"], request.state["resolver"])
    except InvalidWebhookUrl as error:
        refused = FieldError("webhook_url", error.message)
        raise Problem(400, "invalid_webhook_url", str(error), errors=(refused,)) from None
