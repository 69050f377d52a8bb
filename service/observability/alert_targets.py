"""The services that alerts are sent to, through apprise."""

from collections.abc import Sequence
from hashlib import sha256
from logging import CRITICAL, getLogger

from apprise import Apprise, NotifyBase, NotifyType

from service.domain.environment.startup import StartupError


class Target:
    """One URL of `ALERT_URLS`."""

    def __init__(self, notifier: NotifyBase, url: str) -> None:
        self._notifier = notifier
        #: Identifies the target in all workers. A hash, because the URL holds a password.
        self.key = sha256(url.encode()).hexdigest()

    @property
    def name(self) -> str:
        """The name of the service, such as Slack; not of the account there."""
        return str(self._notifier.service_name)

    def notify(self, title: str, body: str) -> bool:
        """Send a message. Returns whether the service accepted it. Blocks. Raises what the apprise plugin raises."""
        return bool(self._notifier.notify(body=body, title=title, notify_type=NotifyType.FAILURE))


def open_targets(urls: Sequence[str]) -> list[Target]:
    """Parse the URLs. Raises `StartupError`, whose message does not repeat them: they hold passwords."""
    # apprise would log the addresses that it cannot reach. The caller of `notify` logs failures.
    getLogger("apprise").setLevel(CRITICAL + 1)
    return [_target(url, position) for position, url in enumerate(urls, 1)]


def _target(url: str, position: int) -> Target:
    notifier = Apprise.instantiate(url, suppress_exceptions=True)
    if not isinstance(notifier, NotifyBase):
        raise StartupError(f"ALERT_URLS is malformed: URL number {position} is of no known target")
    return Target(notifier, url)
