"""Parameters that need more checks than their type: the case number and the webhook URL."""

from typing import Annotated

from msgspec import Meta

from service.api.framework.state import ApiRequest
from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.http.problems import FieldError, Problem
from service.webhooks.addresses.guard import check_url
from service.webhooks.addresses.policy import InvalidWebhookUrl

#: A CNJ number as clients give it.
CaseNumber = Annotated[
    str,
    Meta(
        description="A CNJ case number, masked or as 20 digits, with its check digits.",
        examples=["0000123-06.2023.4.03.6100"],
        extra_json_schema={"format": "cnj"},
    ),
]


#: Checked by the address guard (`checked_webhook_url`), which says what is wrong.
WebhookUrl = Annotated[
    str,
    Meta(
        description="Where to POST the event when the job ends.",
        examples=["https://hooks.example.com/autos"],
        extra_json_schema={"format": "webhook-url", "minLength": 1, "maxLength": 2048},
    ),
]


def parsed_number(given: str) -> ProcessNumber:
    """Parse a case number. Raises the problem `invalid_process_number` (400)."""
    try:
        return ProcessNumber.parse(given)
    except InvalidProcessNumber as error:
        raise Problem("invalid_process_number", str(error)) from None


async def checked_webhook_url(request: ApiRequest, given: str, *, member: str = "webhook_url") -> str:
    """Check a URL with the whole address guard, and return its canonical form.

    `member`: of the body, which has it. Raises the problem `invalid_webhook_url` (400), which names the rule that the
    URL breaks.
    """
    try:
        return await check_url(given, request.state["webhook_policy"], request.state["resolver"])
    except InvalidWebhookUrl as error:
        refused = FieldError(member, error.message)
        raise Problem("invalid_webhook_url", str(error), errors=(refused,)) from None
