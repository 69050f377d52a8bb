"""Who gets a delivery: its URL and the secrets that sign it, as they are at the moment of the attempt."""

from service.database.connection import Connection
from service.database.deliveries import endpoints
from service.database.users import users
from service.domain.deliveries import ClaimedDelivery
from service.webhooks.outcome import OutcomeKind


class NotWanted(Exception):
    """There is no request to make: the user or the endpoint was deleted, or the endpoint is switched off."""

    def __init__(self, kind: OutcomeKind) -> None:
        super().__init__(kind)
        self.kind = kind


class Moved(Exception):
    """The endpoint has another URL: the delivery has to be claimed anew, for a slot at that host."""

    def __init__(self, url: str) -> None:
        super().__init__("the endpoint has another URL")
        self.url = url


async def signing_secrets(connection: Connection, delivery: ClaimedDelivery) -> list[str]:
    """The secrets that sign a delivery: the user's, the endpoint's, or both. Raises `NotWanted` and `Moved`."""
    target = None if delivery.endpoint_id is None else await endpoints.find_target(connection, delivery.endpoint_id)
    if delivery.endpoint_only:
        return _of_endpoint(target, delivery)
    secrets = await users.signing_secrets(connection, delivery.user_id)
    if not secrets:  # the user was deleted just now: all others have one
        raise NotWanted(OutcomeKind.USER_DELETED)
    return secrets if target is None else [*secrets, *target.secrets]


def _of_endpoint(target: endpoints.Target | None, delivery: ClaimedDelivery) -> list[str]:
    if target is None:
        raise NotWanted(OutcomeKind.ENDPOINT_DELETED)
    if not target.is_enabled:
        raise NotWanted(OutcomeKind.ENDPOINT_DISABLED)
    if target.url != delivery.url:
        raise Moved(target.url)
    return target.secrets
