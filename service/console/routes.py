"""Every path of the console. A new page is a line here."""

from starlette.routing import BaseRoute, Route

from service.console.framework.declarations import ConsoleRoute
from service.console.pages import keys, log_in, overview, preferences, static, users
from service.console.work_routes import WORK_ROUTES

CONSOLE_ROUTES: list[BaseRoute] = [
    ConsoleRoute("/console", GET=overview.show),
    ConsoleRoute("/console/login", GET=log_in.show, POST=log_in.log_in),
    ConsoleRoute("/console/logout", POST=log_in.log_out),
    ConsoleRoute("/console/preferences", GET=preferences.switch),
    ConsoleRoute("/console/keys", GET=keys.show, POST=keys.create),
    ConsoleRoute("/console/keys/{key_id}/revoke", POST=keys.revoke),
    ConsoleRoute("/console/users", GET=users.show, POST=users.create),
    ConsoleRoute("/console/users/{user_id}", GET=keys.show_of_user),
    ConsoleRoute("/console/users/{user_id}/delete", POST=users.delete),
    ConsoleRoute("/console/users/{user_id}/keys", POST=keys.create_for_user),
    ConsoleRoute("/console/users/{user_id}/keys/{key_id}/revoke", POST=keys.revoke_of_user),
    *WORK_ROUTES,
    Route("/console/static/{digest}/{name}", static.file),
]
