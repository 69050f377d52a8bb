"""The flows of the README as steps of the Postman collection, each with a script that checks its response."""

from collections.abc import Mapping
from typing import Any

import msgspec

REPETITIONS = 120  # of one request, a second apart
_REPEAT = """\
%(checks)s
const answer = pm.response.json();
const repetitions = Number(pm.collectionVariables.get("repetitions"));
if (%(waiting)s && repetitions < %(limit)s) {
  pm.collectionVariables.set("repetitions", repetitions + 1);
  pm.execution.setNextRequest(pm.info.requestId);
  setTimeout(() => {}, 1000); // the next request waits for it
} else {
  pm.collectionVariables.set("repetitions", 0);
%(end)s
}"""


class Step(msgspec.Struct, frozen=True):
    """One request."""

    name: str
    operation: str  #: its id in the document
    script: str  #: JavaScript that runs after the response
    query: Mapping[str, str] = {}
    body: Mapping[str, Any] | None = None  #: None: that of the document, if any


class Flow(msgspec.Struct, frozen=True):
    """Requests in their order."""

    name: str
    description: str
    steps: tuple[Step, ...]


def _status(*expected: int) -> str:
    return f'pm.test("the status is as expected", () => pm.expect(pm.response.code).to.be.oneOf({list(expected)}));'


def _keep(variable: str, value: str) -> str:
    return f'pm.collectionVariables.set("{variable}", {value});'


def _test(name: str, check: str) -> str:
    return f'pm.test("{name}", () => {check});'


def _lines(*lines: str) -> str:
    return "\n".join(lines)


def _until(waiting: str, *end: str) -> str:
    """Repeat the request while `waiting` is true, `REPETITIONS` times at most; then run the lines of `end`."""
    indented = "\n".join(f"  {line}" for line in end)
    return _REPEAT % {"checks": _status(200), "waiting": waiting, "limit": REPETITIONS, "end": indented}


_ACCEPTED = _lines(
    _status(200, 202),
    "const answer = pm.response.json();",
    _keep("job_id", 'answer.job_id || ""'),
)

FLOWS = (
    Flow(
        "Without a webhook",
        "Ask for a case, ask for its status until the work has ended, then get its documents.",
        (
            Step("Ask for the case", "processes_show", _ACCEPTED),
            Step(
                "Wait until the work has ended",
                "processes_status",
                _until(
                    '["pending", "processing"].includes(answer.status)',
                    _test("the case is complete", 'pm.expect(answer.status).to.equal("completed")'),
                    _test("all is settled", "pm.expect(answer.progress_percentage).to.equal(100)"),
                    'const available = (answer.documents || []).find((each) => each.status === "available");',
                    _test("a document is available", "pm.expect(available).to.be.an('object')"),
                    _keep("document_id", 'available ? available.id : ""'),
                ),
            ),
            Step(
                "List its documents",
                "documents_files",
                _lines(
                    _status(200),
                    _test("they have links", "pm.expect(pm.response.json().items[0].download_url).to.be.a('string')"),
                ),
                {"limit": "50"},
            ),
            Step(
                "Get a link to one of them",
                "documents_content",
                _lines(_status(302), _test("there is a link", 'pm.response.to.have.header("Location")')),
            ),
        ),
    ),
    Flow(
        "With a webhook",
        "Try the receiver, ask for the case with its URL, and see that the webhook was delivered.",
        (
            Step(
                "Try the receiver",
                "webhook_trials_send_test",
                _lines(
                    _status(200),
                    _test("the receiver took it", "pm.expect(pm.response.json().delivered).to.equal(true)"),
                ),
                body={"webhook_url": "{{webhook_url}}"},
            ),
            Step(
                "Ask for the case with a webhook",
                "processes_show",
                _lines(_ACCEPTED, _test("the webhook is noted", "pm.expect(answer.webhook_url).to.be.a('string')")),
                {"webhook_url": "{{webhook_url}}"},
            ),
            Step(
                "Wait until the webhook is delivered",
                "deliveries_index",
                _until(
                    'answer.items && ["waiting", "scheduled"].includes(answer.items[0].status)',
                    _test("it is delivered", 'pm.expect(answer.items[0].status).to.equal("delivered")'),
                    _keep("delivery_id", "answer.items[0].id"),
                ),
                {"limit": "1"},
            ),
        ),
    ),
    Flow(
        "Resend a delivery",
        "Have the last webhook sent again, outside of its schedule. It needs one: run the flow before this first.",
        (
            Step(
                "Find the last delivery",
                "deliveries_index",
                _lines(
                    _status(200),
                    "const [last] = pm.response.json().items;",
                    _test("there is one", "pm.expect(last).to.be.an('object')"),
                    _keep("delivery_id", "last.id"),
                    _keep("attempts", "last.attempts.length"),
                ),
                {"limit": "1"},
            ),
            Step("Send it again", "deliveries_resend", _status(202)),
            Step(
                "Wait until it was sent",
                "deliveries_show",
                _until(
                    'answer.attempts && answer.attempts.length <= Number(pm.collectionVariables.get("attempts"))',
                    _test("it was sent once more", 'pm.expect(answer.attempts.at(-1).outcome).to.equal("delivered")'),
                ),
            ),
        ),
    ),
    Flow(
        "Watch a case",
        "Be told what is new in a case, have it checked now, and stop watching it.",
        (
            Step(
                "Watch the case",
                "monitors_put",
                _lines(
                    _status(200, 201),
                    _test("it is watched", 'pm.expect(pm.response.json().status).to.equal("active")'),
                ),
                body={"every": "1d", "webhook_url": "{{webhook_url}}"},
            ),
            Step("Have it checked now", "monitors_check", _status(202)),
            Step(
                "Find it among the monitors",
                "monitors_index",
                _lines(
                    _status(200),
                    _test("it is there", "pm.expect(pm.response.json().items).to.not.be.empty"),
                ),
                {"limit": "1"},
            ),
            Step("Stop watching it", "monitors_delete", _status(204)),
        ),
    ),
)
