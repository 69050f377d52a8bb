"""A visit that no server has received."""

from datetime import timedelta
from uuid import UUID

from starlette.requests import Request

from service.api.framework.state import Options
from service.console.framework.visits import Visit
from service.database.users.users import User
from service.domain.users import Role

SOMEBODY = UUID("6a0f1c9e-53f4-4c57-9e43-0d3d4c4b7a11")


def visit_of(
    path: str = "/console",
    *,
    query: str = "",
    role: Role | None = "user",
    name: str = "Example Law Firm",
    headers: dict[str, str] | None = None,
    read_only: bool = False,
    public_url: str = "http://127.0.0.1:8000",
    production: bool = False,
) -> Visit:
    """A visit of a page. Without a `role` nobody is logged in."""
    options = Options(
        webhook_secret_grace=timedelta(days=1),
        public_url=public_url,
        shows_metrics=True,
        monitor_min_interval=timedelta(hours=1),
        has_console=True,
        portal_slots=10,
        console_read_only=read_only,
        is_production=production,
    )
    given = {"host": "127.0.0.1:8000", **{name.lower(): value for name, value in (headers or {}).items()}}
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "path": path,
        "path_params": {},
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "state": {"options": options, "request_id": "a-request"},
    }
    visit = Visit.of(Request(scope))
    if role is not None:
        visit.viewer = User(SOMEBODY, name, role, SOMEBODY)
    return visit
