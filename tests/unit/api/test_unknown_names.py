"""Names that the API does not know: it suggests the nearest one, and no operation ignores them."""

import pytest

from service.api.framework.operations import Access, OperationRoute
from service.api.framework.unknown_names import nearest, unknown_parameter
from service.api.routes import ROUTES

KNOWN = ["webhook_url", "auto_download", "force_refresh"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("webhook", "webhook_url"),
        ("webhok_url", "webhook_url"),
        ("webhookUrl", "webhook_url"),
        ("WEBHOOK-URL", "webhook_url"),
        ("url", "webhook_url"),
        ("autodownload", "auto_download"),
        ("refresh", "force_refresh"),
        ("xyz", None),
        ("", None),
        ("_", None),
    ],
)
def test_the_nearest_name_is_found(given: str, meant: str | None) -> None:
    assert nearest(given, KNOWN) == meant


def test_every_name_is_told_and_a_long_one_is_cut() -> None:
    problem = unknown_parameter(["webhook", "x" * 5000], KNOWN, noun="parameter")

    assert [error.field for error in problem.errors] == ["webhook", "x" * 100 + "..."]
    assert problem.errors[0].message == "There is no such parameter. Did you mean webhook_url?"
    assert problem.errors[1].message.endswith("Known are: webhook_url, auto_download, force_refresh.")


def test_no_body_of_an_operation_ignores_members() -> None:
    """Except those of webhooks, which the service sends itself."""
    operations = [each for route in ROUTES if isinstance(route, OperationRoute) for each in route.operations.values()]
    bodies = [each.body for each in operations if each.body is not None and each.access is not Access.PUBLIC]

    assert bodies
    assert [body for body in bodies if not body.__struct_config__.forbid_unknown_fields] == []
