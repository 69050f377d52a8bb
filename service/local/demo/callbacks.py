"""What the demo does with a webhook, as any subscriber would: verify it, and follow a link."""

from typing import TypeVar

import click
import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from service.local.demo.client import CaseDocument, DemoClient, DemoFailed, Download
from service.local.demo.receiver import ReceivedWebhook
from service.local.services import Services

T = TypeVar("T")


async def verified(client: DemoClient, received: ReceivedWebhook, services: Services, kind: type[T]) -> T:
    """Verify the signature, and return the body. Raises `DemoFailed`."""
    secret = await client.signing_secret()
    try:
        Webhook(secret).verify(received.body, dict(received.headers))
        return msgspec.json.decode(received.body, type=kind)
    except (WebhookVerificationError, ValueError, msgspec.MsgspecError) as error:
        log = services.worker.log
        raise DemoFailed(f"the webhook is not as promised ({error}); the log of the worker is {log}") from None


def print_document(member: str, document: CaseDocument) -> None:
    """Print what a webhook says of a document. `member`: where it stands in the body."""
    click.echo(f"          {member}: {document.name}, {document.mime_type}, {document.size} bytes,")
    click.echo(f"          {' ' * len(member)}  sha256 {document.sha256}")


def print_verified() -> None:
    """Print that the signature is right."""
    click.echo("          signature verified with the secret of GET /api/v1/webhooks/secret")


async def follow(client: DemoClient, document: CaseDocument, services: Services) -> Download:
    """Download a document by its link. Raises `DemoFailed` if its bytes are not those that the webhook announced."""
    linked = await client.follow(document.download_url or "")
    if (linked.size, linked.sha256) != (document.size, document.sha256):
        found = f"{linked.size} bytes with SHA-256 {linked.sha256}"
        raise DemoFailed(f"the link gave {found}, not what was announced; the log of the API is {services.api.log}")
    click.echo(f"Link      {linked.size} bytes of {document.name}, SHA-256 equal to the one in the webhook")
    return linked
