"""From a view to HTML. Every value is escaped, and a name that a template does not have is an error."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from service.console.framework.assets import asset_path
from service.console.framework.navigation import navigation_of
from service.console.framework.visits import Visit
from service.console.languages.choice import Language
from service.console.languages.formats import Formats
from service.console.languages.messages import MESSAGES
from service.domain.errors import SENTENCES, ErrorCode

_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
#: With `no-referrer` a browser would send `Origin: null` with the console's own forms.
PAGE_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Language, Cookie",
}


def page_response(
    visit: Visit, template: str, view: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """A page with its headers and the cookies that the visit has changed."""
    html = rendered(visit, template, view)
    response = HTMLResponse(html, status, {**PAGE_HEADERS, "Content-Language": visit.language, **(headers or {})})
    visit.cookies.write(response)
    return response


def rendered(visit: Visit, template: str, view: object) -> str:
    """The HTML of a page."""
    done = visit.query("done")
    return (
        _environment()
        .get_template(template)
        .render(
            view=view,
            visit=visit,
            t=visit.say,
            href=visit.href,
            reason=lambda code: _reason(visit, code),
            asset=lambda name: visit.href(asset_path(name)),
            languages=list(Language),
            navigation=navigation_of(visit),
            # Only what the table has: a link may say anything.
            done=f"done.{done}" if f"done.{done}" in MESSAGES else None,
            **_formats(Formats(visit.language)),
        )
    )


def _reason(visit: Visit, code: str | None) -> str:
    """What to do about a failed document or job. Empty for a job that ended without a code."""
    if code is None:
        return ""
    key = f"reason.{code}"
    return visit.say(key) if key in MESSAGES else SENTENCES.get(ErrorCode(code), code)


def _formats(formats: Formats) -> Mapping[str, Callable[..., Any]]:
    def moment(value: datetime) -> Markup:
        """A moment for people, with the exact one for programs and for those who hover."""
        exact = f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(exact, formats.time(value))

    def day(value: date) -> Markup:
        return Markup('<time datetime="{0}">{1}</time>').format(f"{value:%Y-%m-%d}", formats.date(value))

    return {
        "number": formats.number,
        "size": formats.size,
        "money": formats.money,
        "percent": formats.percent,
        "duration": formats.duration,
        "moment": moment,
        "day": day,
    }


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
