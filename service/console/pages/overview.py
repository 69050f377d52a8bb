"""Whether all is well: for administrators the whole service, for users their own work."""

import msgspec

from service.console.framework.declarations import page
from service.console.framework.visits import Visit


class OverviewView(msgspec.Struct, frozen=True):
    """The page."""

    name: str


@page("overview.html")
async def show(visit: Visit) -> OverviewView:
    """The first page."""
    return OverviewView(visit.user.name)
