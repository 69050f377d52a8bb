"""Whatever operators read, as apprise knows it."""

from collections.abc import Sequence
from hashlib import sha256
from logging import CRITICAL, getLogger

from apprise import Apprise, NotifyBase, NotifyType

from service.domain.startup import StartupError


class Target:
    """One URL of `ALERT_URLS`."""

    def __init__(self, notifier: NotifyBase, url: str) -> None:
        self._notifier = notifier
        #: Which of them it is, in all workers, without the password of its URL.
        self.key = sha256(url.encode()).hexdigest()

    @property
    def name(self) -> str:
        """Of the service, not of the account there."""
        return str(self._notifier.service_name)

    def notify(self, title: str, body: str) -> bool:
        """Tell, and say whether it was taken. Blocks. Raises what the service's plugin raises."""
        return bool(self._notifier.notify(body=body, title=title, notify_type=NotifyType.FAILURE))


def open_targets(urls: Sequence[str]) -> list[Target]:
    """Read the URLs. Raises `StartupError`, which does not repeat them: they hold passwords."""
    # It logs the addresses that it could not reach; what failed is logged by whoever notifies.
    getLogger("apprise").setLevel(CRITICAL + 1)
    return [_target(url, position) for position, url in enumerate(urls, 1)]


def _target(url: str, position: int) -> Target:
    notifier = Apprise.instantiate(url, suppress_exceptions=True)
    if not isinstance(notifier, NotifyBase):
        raise StartupError(f"ALERT_URLS is malformed: URL number {position} is of no known target")
    return Target(notifier, url)
