"""Builds from the settings what both processes use, so that other modules need not know the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from service.database.connection import Database
from service.domain.dependencies import Dependency
from service.health.dependency_notes import DependencyNotes
from service.observability.metrics import Metrics
from service.portal.client import PortalClient
from service.portal.errors import PortalError
from service.portal.gate import Gate
from service.portal.token import RenewedTokens, renew
from service.portal_access.sharing import ConfiguredToken, SharedPauses
from service.portal_access.token_renewal import RenewedToken
from service.settings import Settings
from service.startup.bucket import open_store
from service.storage.object_store import ObjectStore
from service.storage.store_settings import StoreSettings
from service.webhooks.addresses.policy import AddressPolicy


def watch_pool(metrics: Metrics, settings: Settings, database: Database) -> None:
    """Show the use of the connection pool in the metrics."""
    metrics.watch_connections(
        idle=lambda: database.pool_use().idle,
        in_use=lambda: database.pool_use().in_use,
        limit=settings.database_pool_size,
    )


def store_settings(settings: Settings) -> StoreSettings:
    """The settings of the object store."""
    return StoreSettings(
        bucket=settings.s3_bucket,
        endpoint_url=settings.s3_endpoint_url,
        public_endpoint_url=settings.s3_public_endpoint_url,
        region=settings.s3_region,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key,
        # As in the AWS credential chain: a session token without a key is ignored.
        session_token=settings.aws_session_token if settings.aws_access_key_id else None,
        link_ttl=settings.presigned_url_ttl,
        encryption=settings.s3_encryption,
        kms_key_id=settings.s3_kms_key_id,
    )


def address_policy(settings: Settings) -> AddressPolicy:
    """The rules for webhook URLs."""
    if settings.is_production:
        return AddressPolicy.production(
            own_hosts=[urlsplit(settings.base_url).hostname or ""],
            allowed_ports=settings.webhook_allowed_ports,
            allowed_hosts=settings.webhook_allowed_hosts,
            private_hosts=settings.webhook_private_hosts,
        )
    return AddressPolicy.development(
        allow_private_hosts=settings.webhook_allow_private_hosts,
        private_hosts=settings.webhook_private_hosts,
        allowed_hosts=settings.webhook_allowed_hosts,
    )


@asynccontextmanager
async def open_portal(
    settings: Settings, database: Database, gate: Gate, metrics: Metrics, notes: DependencyNotes
) -> AsyncIterator[PortalClient]:
    """Open the client of the portal. `gate` limits how many requests this process has open."""
    proxy, middlewares = _proxy(settings)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
        proxy=proxy,
        middlewares=middlewares,
        # aiohttp accepts a truncated compressed body as complete.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        tokens = _tokens(settings, database, session)
        metrics.watch_token(
            "configured" if isinstance(tokens, ConfiguredToken) else "renewed", lambda: tokens.expires_at
        )
        pauses = SharedPauses(database)
        try:
            yield PortalClient(
                session,
                base_url=settings.pdpj_base_url,
                tokens=tokens,
                user_agent=settings.pdpj_user_agent,
                gate=gate,
                slow_down=pauses.tell,
                pause_left=pauses.left,
                metrics=metrics,
                tell=partial(_note_portal, notes),
            )
        finally:
            # Before the session closes: a renewal that is under way needs it.
            await tokens.close()


def _proxy(settings: Settings) -> tuple[URL | None, tuple[aiohttp.ClientMiddlewareType, ...]]:
    """Return the proxy's URL without credentials, which errors would repeat, and a middleware that sends them."""
    if settings.pdpj_proxy_url is None:
        return None, ()
    url = URL(settings.pdpj_proxy_url)
    if url.user is None:
        return url, ()
    credentials = aiohttp.encode_basic_auth(url.user, url.password or "", encoding="utf-8")

    async def authenticate(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if request.is_ssl():
            # Only in the CONNECT request, which the portal does not see.
            request.proxy_headers = CIMultiDict({"Proxy-Authorization": credentials})
        else:
            request.headers["Proxy-Authorization"] = credentials
        return await handler(request)

    return url.with_user(None), (authenticate,)


def _note_portal(notes: DependencyNotes, error: PortalError | None) -> None:
    if error is None or error.blames_portal is False:
        notes.succeeded(Dependency.PORTAL)
    elif error.blames_portal:
        notes.failed(Dependency.PORTAL, str(error))


def portal_credential(settings: Settings) -> str:
    """Return the configured access token or refresh token."""
    return settings.pdpj_token or settings.pdpj_refresh_token or ""


def _tokens(settings: Settings, database: Database, session: aiohttp.ClientSession) -> ConfiguredToken | RenewedToken:
    credential = portal_credential(settings)
    if settings.pdpj_token is not None:
        return ConfiguredToken(database, credential)

    async def renew_with(refresh_token: str) -> RenewedTokens:
        return await renew(
            session,
            url=settings.pdpj_token_url,
            client_id=settings.pdpj_client_id,
            refresh_token=refresh_token,
        )

    return RenewedToken(database, refresh_token=credential, renew=renew_with)


@asynccontextmanager
async def open_bucket(settings: Settings) -> AsyncIterator[ObjectStore]:
    """Open the bucket; outside production, create it if it is missing. Raises `StartupError`."""
    async with open_store(store_settings(settings), create_bucket=not settings.is_production) as store:
        yield store
