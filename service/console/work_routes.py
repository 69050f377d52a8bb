"""The paths of the pages of cases and of the work on them."""

from service.console.framework.declarations import ConsoleRoute
from service.console.pages import (
    case,
    case_actions,
    case_files,
    case_tabs,
    cases,
    deliveries,
    endpoints,
    jobs,
    monitors,
    recovery,
    shared,
    shares,
    webhook_tools,
)

_CASE = "/console/cases/{number}"
_DELIVERY = "/console/webhooks/deliveries/{delivery_id}"
_ENDPOINT = "/console/webhooks/endpoints/{endpoint_id}"
_SHARED = "/console/shared/{share_id}"
WORK_ROUTES = [
    ConsoleRoute("/console/cases", GET=cases.index, POST=cases.ask),
    ConsoleRoute(_CASE, GET=case.show),
    ConsoleRoute(f"{_CASE}/movements", GET=case_tabs.movements),
    ConsoleRoute(f"{_CASE}/parties", GET=case_tabs.parties),
    ConsoleRoute(f"{_CASE}/jobs", GET=case_tabs.jobs),
    ConsoleRoute(f"{_CASE}/webhooks", GET=case_tabs.webhooks),
    ConsoleRoute(f"{_CASE}/events", GET=case_files.events),
    ConsoleRoute(f"{_CASE}/archive", GET=case_files.archive),
    ConsoleRoute(f"{_CASE}/documents/{{document_id}}", GET=case_files.content),
    ConsoleRoute(f"{_CASE}/documents/{{document_id}}/download", POST=case_actions.download_document),
    ConsoleRoute(f"{_CASE}/refresh", POST=case_actions.refresh),
    ConsoleRoute(f"{_CASE}/retry", POST=case_actions.retry),
    ConsoleRoute(f"{_CASE}/watch", POST=monitors.watch),
    ConsoleRoute(f"{_CASE}/unwatch", POST=monitors.unwatch),
    ConsoleRoute(f"{_CASE}/check", POST=monitors.check),
    ConsoleRoute("/console/jobs", GET=jobs.index),
    ConsoleRoute("/console/jobs/{job_id}/cancel", POST=jobs.cancel),
    ConsoleRoute("/console/webhooks", GET=deliveries.index),
    ConsoleRoute(_DELIVERY, GET=deliveries.show),
    ConsoleRoute(f"{_DELIVERY}/resend", POST=deliveries.resend),
    ConsoleRoute(f"{_DELIVERY}/cancel", POST=deliveries.cancel),
    ConsoleRoute("/console/webhooks/endpoints", GET=endpoints.index, POST=endpoints.add),
    ConsoleRoute(_ENDPOINT, GET=endpoints.show),
    ConsoleRoute(f"{_ENDPOINT}/switch", POST=endpoints.switch),
    ConsoleRoute(f"{_ENDPOINT}/delete", POST=endpoints.delete),
    ConsoleRoute(f"{_ENDPOINT}/rotate", POST=endpoints.rotate),
    ConsoleRoute(f"{_ENDPOINT}/test", POST=endpoints.test),
    ConsoleRoute("/console/webhooks/recover", GET=recovery.preview, POST=recovery.recover),
    ConsoleRoute("/console/webhooks/secret", GET=webhook_tools.secret),
    ConsoleRoute("/console/webhooks/secret/rotate", POST=webhook_tools.rotate),
    ConsoleRoute("/console/webhooks/test", GET=webhook_tools.try_form, POST=webhook_tools.try_url),
    ConsoleRoute("/console/monitors", GET=monitors.index),
    ConsoleRoute(f"{_CASE}/shares", GET=shares.index, POST=shares.add),
    ConsoleRoute("/console/shares/{share_id}/revoke", POST=shares.revoke),
    ConsoleRoute("/console/shared", GET=shared.invitation, POST=shared.enter),
    ConsoleRoute(_SHARED, GET=shared.show),
    ConsoleRoute(f"{_SHARED}/archive", GET=shared.archive),
    ConsoleRoute(f"{_SHARED}/documents/{{document_id}}", GET=shared.content),
]
