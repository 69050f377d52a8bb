"""From the settings to the values that both processes pass on: the entry files and this one read the settings."""

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
    """Have the metrics show how the pool is used."""
    metrics.watch_connections(
        idle=lambda: database.pool_use().idle,
        in_use=lambda: database.pool_use().in_use,
        limit=settings.database_pool_size,
    )


def store_settings(settings: Settings) -> StoreSettings:
    """Where the objects go."""
    return StoreSettings(
        bucket=settings.s3_bucket,
        endpoint_url=settings.s3_endpoint_url,
        public_endpoint_url=settings.s3_public_endpoint_url,
        region=settings.s3_region,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key,
        # As the AWS chain has it: without a key the token is that of no credentials.
        session_token=settings.aws_session_token if settings.aws_access_key_id else None,
        link_ttl=settings.presigned_url_ttl,
        encryption=settings.s3_encryption,
        kms_key_id=settings.s3_kms_key_id,
    )


def address_policy(settings: Settings) -> AddressPolicy:
    """Which URLs may be called."""
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
    """The portal, with as many requests open from this process as the gate admits."""
    proxy, middlewares = _proxy(settings)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
        proxy=proxy,
        middlewares=middlewares,
        # aiohttp takes a compressed body that was cut off for a whole one.
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
            # Before the session: a renewal that is under way must end.
            await tokens.close()


def _proxy(settings: Settings) -> tuple[URL | None, tuple[aiohttp.ClientMiddlewareType, ...]]:
    """The proxy on the way to the portal, and what gives it its credentials: errors repeat its address."""
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
            # Of the CONNECT alone: the portal gets none of it.
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
    """What was configured: the token itself, or the one that renews it."""
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
    """The bucket; outside production it is made where it is missing. Raises `StartupError`."""
    async with open_store(store_settings(settings), create_bucket=not settings.is_production) as store:
        yield store
