"""Every path of the console. A new page is a line here."""

from starlette.routing import BaseRoute, Route

from service.console.framework.declarations import ConsoleRoute
from service.console.pages import keys, log_in, overview, preferences, static
from service.console.work_routes import WORK_ROUTES

CONSOLE_ROUTES: list[BaseRoute] = [
    ConsoleRoute("/console", GET=overview.show),
    ConsoleRoute("/console/login", GET=log_in.show, POST=log_in.log_in),
    ConsoleRoute("/console/logout", POST=log_in.log_out),
    ConsoleRoute("/console/preferences", GET=preferences.switch),
    ConsoleRoute("/console/keys", GET=keys.show),
    *WORK_ROUTES,
    Route("/console/static/{digest}/{name}", static.file),
]
