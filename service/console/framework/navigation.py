"""The pages that every page links to."""

from service.console.framework.visits import Visit

#: Paths with the keys of their texts. A new page of the first level is a line here.
_OF_ALL = [
    ("/console", "nav.overview"),
    ("/console/cases", "nav.cases"),
    ("/console/jobs", "nav.jobs"),
    ("/console/webhooks", "nav.webhooks"),
    ("/console/monitors", "nav.monitors"),
    ("/console/keys", "nav.keys"),
]
_OF_ADMINS = [("/console/users", "nav.users")]


def navigation_of(visit: Visit) -> list[tuple[str, str]]:
    """The links that this visitor may follow."""
    return [*_OF_ALL, *(_OF_ADMINS if visit.is_admin else [])]
