"""From the settings to the values that both processes pass on: the entry files and this one read the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

from service.logs import configure_logs
from service.object_store import ObjectStore, StoreSettings
from service.portal.client import PortalClient
from service.portal.gate import Gate
from service.settings import Settings
from service.startup import open_store
from service.webhooks.address_policy import AddressPolicy


def configure_process_logs(settings: Settings) -> None:
    """JSON in production, for people elsewhere, unless the settings say otherwise."""
    default = "json" if settings.is_production else "console"
    configure_logs(settings.log_level, as_json=(settings.log_format or default) == "json")


def store_settings(settings: Settings) -> StoreSettings:
    """Where the objects go."""
    return StoreSettings(
        bucket=settings.s3_bucket,
        endpoint_url=settings.s3_endpoint_url,
        public_endpoint_url=settings.s3_public_endpoint_url,
        region=settings.s3_region,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key,
        link_ttl=settings.presigned_url_ttl,
    )


def address_policy(settings: Settings) -> AddressPolicy:
    """Which URLs may be called."""
    if settings.is_production:
        return AddressPolicy.production(
            own_hosts=[urlsplit(settings.base_url).hostname or ""],
            allowed_ports=settings.webhook_allowed_ports,
            allowed_hosts=settings.webhook_allowed_hosts,
        )
    return AddressPolicy.development(
        allow_private_hosts=settings.webhook_allow_private_hosts,
        allowed_hosts=settings.webhook_allowed_hosts,
    )


@asynccontextmanager
async def open_portal(settings: Settings) -> AsyncIterator[PortalClient]:
    """The portal, with at most `PDPJ_MAX_CONCURRENCY` requests open from this process."""
    connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300)
    async with aiohttp.ClientSession(
        connector=connector,
        # A compressed body could not be compared with its promised size.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        yield PortalClient(
            session,
            base_url=settings.pdpj_base_url,
            token=settings.pdpj_token,
            user_agent=settings.pdpj_user_agent,
            gate=Gate(settings.pdpj_max_concurrency),
        )


@asynccontextmanager
async def open_bucket(settings: Settings) -> AsyncIterator[ObjectStore]:
    """The bucket; outside production it is made where it is missing. Raises `StartupError`."""
    async with open_store(store_settings(settings), create_bucket=not settings.is_production) as store:
        yield store
