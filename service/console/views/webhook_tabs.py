"""The links between the pages of webhooks."""

from service.console.views.deliveries import WEBHOOKS
from service.console.views.lists import Tab

_SECTIONS = {
    "deliveries": WEBHOOKS,
    "endpoints": f"{WEBHOOKS}/endpoints",
    "recover": f"{WEBHOOKS}/recover",
    "secret": f"{WEBHOOKS}/secret",
    "test": f"{WEBHOOKS}/test",
}


def webhook_tabs(current: str) -> list[Tab]:
    """The links. `current` is the name of the page that is shown."""
    return [Tab(f"webhooks.{name}", path, name == current) for name, path in _SECTIONS.items()]
