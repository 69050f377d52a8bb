"""Everything that the documentation names exists: commands, targets, settings, endpoints, links, log events."""

import re

import click
import msgspec
import pytest
from starlette.routing import Route

from service.api.routes import ROUTES
from service.cli import main
from service.settings import Settings
from tests.support.pages import Page, pages
from tests.support.processes import REPOSITORY

PAGES = pages()
OPERATING = Page("docs/operating.md")
#: Alerts link to them.
INCIDENTS = (
    "the-portals-token-died",
    "a-job-hangs",
    "a-delivery-fails",
    "the-disk-fills",
    "the-portal-fails",
    "the-api-fails",
    "the-database-is-busy",
)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_every_page_is_looked_at() -> None:
    assert {"README.md", "docs/getting-started.md", "docs/operating.md", "docs/webhooks.md"} <= {
        page.name for page in PAGES
    }


@each_page
def test_every_make_target_exists(page: Page) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = {target for code in page.code for target in re.findall(r"\bmake ([a-z-]+)", code)}

    assert named <= targets


@each_page
def test_every_command_and_option_exists(page: Page) -> None:
    for code in page.code:
        for line in re.findall(r"(?:^|[\s/])autos ((?:--)?[a-z][^\n&|]*)", code):
            words = line.split()
            # The names of the image and of its processes are not commands.
            if words[0] not in {"autos", "web", "worker", "release"}:
                check(main, words)


def check(command: click.Command, words: list[str]) -> None:
    """Follow the words down the subcommands. Every option must belong to the last one."""
    while words and isinstance(command, click.Group):
        below = command.get_command(click.Context(command), words[0])
        assert below is not None, words
        command, words = below, words[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, words


#: uvicorn, botocore and OpenSSL read them from the environment themselves.
OF_THE_SERVER = {"FORWARDED_ALLOW_IPS", "AWS_CA_BUNDLE", "SSL_CERT_FILE"}
#: Instances, as the portal lists them.
OF_THE_PORTAL = {"PRIMEIRO_GRAU", "SEGUNDO_GRAU"}


@each_page
def test_every_variable_is_a_setting(page: Page) -> None:
    settings = {field.encode_name for field in msgspec.structs.fields(Settings)}
    named = {name for code in page.code for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", code)}

    assert named <= settings | OF_THE_SERVER | OF_THE_PORTAL


@each_page
def test_every_endpoint_exists(page: Page) -> None:
    known = [re.sub(r"\\{[a-z_]+\\}", "[^/]+", re.escape(route.path)) for route in ROUTES if isinstance(route, Route)]
    code = "\n".join(page.code).replace("$API/", "/api/v1/")
    named = re.findall(r"/metrics|/(?:api/v1|health)/[^\s?\"]+", code)

    assert [
        path for path in named if "..." not in path and not any(re.fullmatch(pattern, path) for pattern in known)
    ] == []


@each_page
def test_every_link_resolves(page: Page) -> None:
    for path, anchor in page.links:
        target = (REPOSITORY / page.name).parent / path if path else REPOSITORY / page.name
        assert target.exists(), path
        if anchor:
            name = target.resolve().relative_to(REPOSITORY).as_posix()
            assert anchor in Page(name).anchors, f"{path}#{anchor}"


def test_alerts_find_their_sections() -> None:
    assert set(INCIDENTS) <= OPERATING.anchors


@pytest.mark.parametrize("anchor", INCIDENTS)
def test_each_section_says_how_it_begins_what_to_do_and_when_it_is_over(anchor: str) -> None:
    sections = re.split(r"^## ", OPERATING.text, flags=re.MULTILINE)
    [section] = [each for each in sections if Page.anchor(each.splitlines()[0]) == anchor]

    assert re.findall(r"^\*\*(Symptom\.|By itself\.|Do\.|Over\*\*)", section, re.MULTILINE) == [
        "Symptom.",
        "By itself.",
        "Do.",
        "Over**",
    ]


def test_the_words_of_logs_and_metrics_are_those_of_the_code() -> None:
    source = "".join(path.read_text() for name in ("service", "worker") for path in (REPOSITORY / name).rglob("*.py"))
    shown = "".join(
        (REPOSITORY / "service" / name).read_text() for name in ("observability/metrics.py", "api/metrics.py")
    )
    codes = (code for codes in OPERATING.code for code in codes.split("`, `"))
    words = {code.removesuffix("_total") for code in codes if re.fullmatch(r"[a-z]+(_[a-z]+)+", code)}

    assert set(re.findall(r'"(autos_[a-z_]+)"', shown)) <= words
    assert {"portal_token_refused", "job_postponed", "autos_deliveries"} <= words
    assert {word for word in words if not re.search(rf'"{word}|\b{word}[:=]', source)} == set()
