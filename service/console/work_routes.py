"""The paths of the pages of cases and of the work on them."""

from service.console.framework.declarations import ConsoleRoute
from service.console.pages import case, case_actions, case_files, case_tabs, cases

_CASE = "/console/cases/{number}"
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
]
