"""Every template is rendered in every branch: a name that it does not have, or a text that is missing, is an error."""

from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import service.console
from service.console.framework.rendering import rendered
from tests.support.console.case_views import case_views
from tests.support.console.frame_views import frame_views
from tests.support.console.visits import visit_of
from tests.support.console.work_views import work_views

TEMPLATES = Path(service.console.__file__).parent / "templates"
#: They are no pages by themselves.
PARTS = {"base.html", "parts.html", "case_head.html", "case_parts.html", "work_parts.html"}
#: What somebody may call a document, a party, a key; what a receiver may answer; what an error may repeat.
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "javascript:alert(1)",
    "</title></textarea></style></script><svg onload=alert(1)>",
    "<!--<b>--!>",
    "{{ 7 * 7 }}{% raw %}",
    "{0}{count}%s%(x)s",
    "\u202etxt.exe\u0000\u2028&lt;b&gt;&#60;",
    "<a href=//evil.example>",
    "]]><x/>",
)
#: Attributes that say where something leads.
LEADING = {"href", "src", "action", "formaction"}


def views(text: str) -> Mapping[str, list[object]]:
    """The views of all templates."""
    return {**frame_views(text), **case_views(text), **work_views(text)}


class Shape(HTMLParser):
    """The elements of a page with their attributes, without their texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.leading: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.leading += [value or "" for name, value in attrs if name in LEADING]

    def handle_comment(self, data: str) -> None:  # noqa: ARG002  (its signature)
        """Keep a comment: templates write none."""
        self.found.append(("comment", ()))


def everything() -> list[Any]:
    return [
        pytest.param(name, place, id=f"{name}-{place}")
        for name, found in views("x").items()
        for place in range(len(found))
    ]


def test_every_template_has_a_view() -> None:
    assert {path.name for path in TEMPLATES.glob("*.html")} - PARTS == set(views("x"))


@pytest.mark.parametrize(("name", "place"), everything())
@pytest.mark.parametrize("language", ["pt-BR", "en"])
def test_it_is_rendered_for_everybody(name: str, place: int, language: str) -> None:
    for role in ("user", "admin", None):
        for read_only in (False, True):
            visit = visit_of(role=role, read_only=read_only, headers={"Accept-Language": language})
            html = rendered(visit, name, views("x")[name][place])
            assert f'<html lang="{language}"' in html


@pytest.mark.parametrize(("name", "place"), everything())
def test_no_text_of_anybody_becomes_markup(name: str, place: int) -> None:
    plain = Shape(rendered(visit_of(role="admin"), name, views("x")[name][place]))
    for payload in PAYLOADS:
        hostile = Shape(rendered(visit_of(role="admin", name=payload), name, views(payload)[name][place]))
        assert hostile.found == plain.found, payload
        assert [each for each in hostile.leading if not each.startswith(("/", "#", "http://", "https://"))] == []


@pytest.mark.parametrize(("name", "place"), everything())
def test_no_script_and_no_style_stands_in_a_page(name: str, place: int) -> None:
    html = rendered(visit_of(role="admin"), name, views("x")[name][place])
    shape = Shape(html)
    attributes = {each for _, names in shape.found for each in names}

    assert "style" not in {tag for tag, _ in shape.found} | attributes
    assert [each for each in attributes if each.startswith("on")] == []
    assert [names for tag, names in shape.found if tag == "script"] == [("type", "src")]
