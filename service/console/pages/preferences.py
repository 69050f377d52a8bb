"""The switches of language and appearance. They change nothing but cookies, so links do it."""

from starlette.responses import RedirectResponse, Response

from service.api.framework.operations import Access
from service.console.framework.declarations import page
from service.console.framework.local_paths import local_path
from service.console.framework.visits import CONSOLE, THEMES, Visit
from service.console.languages.choice import Language


@page("", access=Access.PUBLIC)
async def switch(visit: Visit) -> Response:
    """Keep the language and the theme of the query, and go back to the page."""
    language, theme = visit.query("language"), visit.query("theme")
    visit.cookies.prefer(
        language=language if language in set(Language) else None, theme=theme if theme in THEMES else None
    )
    back = visit.query("next")
    is_local = back == "/console/login" or local_path(back) is not None
    return RedirectResponse(visit.href(back if is_local else CONSOLE), 303)
