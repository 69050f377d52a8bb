"""Every environment variable, typed. Only the entry files, `service.startup` and the command line use it."""

import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import unquote, urlsplit

import msgspec
from dotenv import dotenv_values
from msgspec import Meta

from service.database.url import DatabaseUrlError, parse_database_url
from service.domain.described.intervals import seconds_or_interval
from service.domain.described.variables import Duration, Hours, Origin, PrivateHost, Rate, WorkerName
from service.domain.described.words import in_words
from service.domain.environment.server_urls import URL_SCHEMES, url_fault
from service.domain.environment.variables import fault, injected, tidied
from service.domain.environment.weak_secrets import is_placeholder, looks_random
from service.queue.redis_url import RedisUrlError, check_redis_url

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
TOKEN_URL = "https://sso.cloud.pje.jus.br/auth/realms/pje/protocol/openid-connect/token"  # noqa: S105  (an address)
_LISTS: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(
        ("WEBHOOK_RETRY_DELAYS", "WEBHOOK_ALLOWED_HOSTS", "WEBHOOK_PRIVATE_HOSTS", "WEBHOOK_ALLOWED_PORTS"),
        re.compile(","),
    ),
    "CORS_ALLOWED_ORIGINS": re.compile(","),
    # A URL may contain commas: only one that is followed by a scheme separates.
    "ALERT_URLS": re.compile(r"[\s,]+(?=[a-z][a-z0-9+.-]*://)"),
}
Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Share = Annotated[float, Meta(gt=0, le=1, extra={"words": "a number above 0, up to 1"})]


class SettingsError(Exception):
    """A variable is missing or malformed. The message names it, and never repeats its value."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """The environment of a process. `.env.example` says what each variable does."""

    environment: Literal["development", "production"] = "development"
    port: Port = 8000
    public_url: str | None = None
    drain_seconds: Annotated[int, Meta(ge=0, le=300)] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] | None = None
    metrics_enabled: bool = True
    metrics_address: str | None = None
    metrics_port: Port | None = None
    worker_metrics_port: Port | None = None

    database_url: str
    database_pool_size: Annotated[int, Meta(ge=2, le=200)] = 10
    redis_url: str
    worker_name: WorkerName | None = None

    s3_bucket: str
    s3_endpoint_url: str | None = None
    s3_public_endpoint_url: str | None = None
    s3_region: str | None = None
    s3_encryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = None
    s3_kms_key_id: str | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = None
    aws_session_token: str | None = None
    presigned_url_ttl: Annotated[int, Meta(ge=60, le=604800)] = 3600

    pdpj_base_url: str = "https://portaldeservicos.pdpj.jus.br/api/v2"
    pdpj_token: str | None = None
    pdpj_refresh_token: str | None = None
    pdpj_token_url: str = TOKEN_URL
    pdpj_client_id: str = "portalexterno-frontend"
    pdpj_proxy_url: str | None = None
    pdpj_user_agent: str = BROWSER
    pdpj_max_concurrency: Positive = 10
    download_concurrency: Positive = 5
    download_attempts: Positive = 3
    download_max_bytes: Positive = 2 * 1024**3

    webhook_timeout: Annotated[int, Meta(ge=1, le=300)] = 30
    webhook_retry_delays: tuple[NotNegative, ...] = (2, 4, 60, 300, 1800, 7200, 18000, 36000, 36000)
    webhook_allowed_hosts: tuple[str, ...] = ()
    webhook_private_hosts: tuple[PrivateHost, ...] = ()
    webhook_allowed_ports: tuple[Port, ...] = (443, 8443)
    webhook_allow_private_hosts: bool = False
    webhook_max_documents: NotNegative = 500
    webhook_secret_grace: NotNegative = 86400
    delivery_days: Annotated[int, Meta(ge=0, le=36500)] = 90
    alert_urls: tuple[str, ...] = ()

    monitor_min_interval: Duration = "1h"
    monitor_hours: Hours = "0-24"
    monitor_share: Share = 0.5

    rate_limit_requests: Rate = "600/minute"
    rate_limit_downloads: Rate = "60/minute"
    rate_limit_numbers: Rate = "10000/hour"
    cors_allowed_origins: tuple[Origin, ...] = ()

    console_enabled: bool = True
    console_read_only: bool = False

    admin_api_key: Annotated[str, Meta(min_length=24, max_length=200)] | None = None

    @property
    def is_production(self) -> bool:
        """True if the strict rules apply."""
        return self.environment == "production"

    @property
    def shortest_monitor(self) -> timedelta:
        """The shortest interval at which a case may be checked."""
        return seconds_or_interval(self.monitor_min_interval)

    @property
    def base_url(self) -> str:
        """The URL of the API for its clients, without a slash at the end."""
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")


class _DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    environment: Literal["development", "production"] = "development"
    database_url: str


_S = TypeVar("_S", bound=Settings | _DatabaseSettings)


def load_settings(environ: Mapping[str, str] | None = None, *, env_file: Path = Path(".env")) -> Settings:
    """Read the environment; in development also `.env`, which never overrides it. Raises `SettingsError`."""
    settings = _converted(_given(environ, env_file), Settings)
    _check_server_url("DATABASE_URL", parse_database_url, settings.database_url)
    _check_urls(settings)
    _check_server_url("REDIS_URL", check_redis_url, settings.redis_url)
    _check_tokens(settings)
    if settings.aws_access_key_id is not None and settings.aws_secret_access_key is None:
        raise SettingsError("AWS_SECRET_ACCESS_KEY is not set, which goes together with AWS_ACCESS_KEY_ID")
    if settings.s3_kms_key_id is not None and not (settings.s3_encryption or "").startswith("aws:kms"):
        raise SettingsError("S3_KMS_KEY_ID is set, and S3_ENCRYPTION is not aws:kms or aws:kms:dsse")
    if settings.metrics_enabled and settings.metrics_port == settings.port:
        raise SettingsError("METRICS_PORT is the same as PORT: choose another one, or leave it out to use PORT")
    _check_production(settings)
    return settings


def load_database_url(environ: Mapping[str, str] | None = None, *, env_file: Path = Path(".env")) -> str:
    """Return the only setting that migrations need, by the rules of `load_settings`. Raises `SettingsError`."""
    settings = _converted(_given(environ, env_file), _DatabaseSettings)
    _check_server_url("DATABASE_URL", parse_database_url, settings.database_url)
    if settings.environment == "production":
        _check_database_password(settings.database_url)
    return settings.database_url


def _given(environ: Mapping[str, str] | None, env_file: Path) -> dict[str, str]:
    given = dict(os.environ if environ is None else environ)
    for name in injected(given):
        del given[name]
    if tidied(given).get("ENVIRONMENT", "development") == "development":
        given = _read_file(env_file) | given
    return tidied(given)


def _read_file(path: Path) -> dict[str, str]:
    try:
        # Editors on Windows write a byte order mark before the first name.
        read = dotenv_values(path, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not written in UTF-8") from None
    return {name: value for name, value in read.items() if value is not None}


def _converted(given: Mapping[str, str], kind: type[_S]) -> _S:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    known = {name: value for name, value in given.items() if name in fields}
    values = {fields[name].name: _value(name, value, fields[name].type) for name, value in known.items()}
    missing = _missing(kind, known)
    if missing:
        names = f"{', '.join(missing[:-1])} and {missing[-1]} are" if len(missing) > 1 else f"{missing[0]} is"
        raise SettingsError(f"{names} not set")
    return kind(**values)


def _value(name: str, text: str, kind: Any) -> Any:
    """Return the value, or the values of a variable that is a list. Raises `SettingsError`."""
    separator = _LISTS.get(name)
    if separator is None:
        return _part(name, text, kind, "it")
    parts = [part.strip() for part in separator.split(text) if part.strip()]
    return tuple(_part(name, part, get_args(kind)[0], f"value number {n}") for n, part in enumerate(parts, 1))


def _part(name: str, text: str, kind: Any, subject: str) -> Any:
    if (wrong := fault(name, text)) is not None:
        raise SettingsError(f"{name} is malformed: {wrong}")
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        # Its message may repeat the value, which may be a secret.
        raise SettingsError(f"{name} is malformed: {subject} must be {in_words(kind)}") from None


def _missing(kind: type[_S], values: Mapping[str, Any]) -> list[str]:
    """Return all missing variables, so that the operator can set them before the next start."""
    missing = [each.encode_name for each in msgspec.structs.fields(kind) if each.required]
    missing = [name for name in missing if name not in values]
    if kind is Settings and not values.keys() & {"PDPJ_TOKEN", "PDPJ_REFRESH_TOKEN"}:
        missing.append("PDPJ_TOKEN (or PDPJ_REFRESH_TOKEN)")
    if kind is Settings and values.get("ENVIRONMENT") == "production" and "PUBLIC_URL" not in values:
        missing.append("PUBLIC_URL (which production needs for the links in webhooks)")
    return missing


def _check_urls(settings: Settings) -> None:
    for name, schemes in URL_SCHEMES.items():
        value = getattr(settings, name.lower())
        if value is not None and (wrong := url_fault(value, schemes)) is not None:
            raise SettingsError(f"{name} is malformed: {wrong}")


def _check_server_url(name: str, check: Callable[[str], object], url: str) -> None:
    try:
        check(url)
    except (DatabaseUrlError, RedisUrlError) as error:
        raise SettingsError(f"{name} is malformed: {error}") from None


def _check_tokens(settings: Settings) -> None:
    if settings.pdpj_token is not None and settings.pdpj_refresh_token is not None:
        raise SettingsError("PDPJ_TOKEN and PDPJ_REFRESH_TOKEN are both set: set the one to be used")


def _check_production(settings: Settings) -> None:
    if not settings.is_production:
        return
    if settings.webhook_allow_private_hosts:
        raise SettingsError("WEBHOOK_ALLOW_PRIVATE_HOSTS must not be set in production")
    if settings.log_level == "debug":
        raise SettingsError("LOG_LEVEL must be info or higher in production")
    _check_encrypted(settings)
    _check_secrets(settings)


def _check_encrypted(settings: Settings) -> None:
    # The service's own calls may stay in a private network; clients may follow links from anywhere.
    links = "S3_ENDPOINT_URL" if settings.s3_public_endpoint_url is None else "S3_PUBLIC_ENDPOINT_URL"
    sent = {
        "PUBLIC_URL": "API keys",
        links: "documents, unless S3_PUBLIC_ENDPOINT_URL has their https:// address,",
        "PDPJ_BASE_URL": "the portal's token",
        "PDPJ_TOKEN_URL": "the portal's refresh token",
    }
    for name, what in sent.items():
        value = getattr(settings, name.lower())
        if value is not None and urlsplit(value).scheme != "https":
            raise SettingsError(f"{name} must start with https:// in production: {what} would travel unencrypted")


def _check_secrets(settings: Settings) -> None:
    _check_database_password(settings.database_url)
    redis = urlsplit(settings.redis_url)
    # A URL without a password is accepted: sockets and client certificates need none.
    if redis.password is not None:
        _check_password("REDIS_URL", unquote(redis.password), unquote(redis.username or ""))
    for name in ("AWS_SECRET_ACCESS_KEY", "PDPJ_TOKEN", "PDPJ_REFRESH_TOKEN", "ADMIN_API_KEY"):
        value = getattr(settings, name.lower())
        if value is not None and is_placeholder(value):
            raise SettingsError(f"{name} is a secret of development: production needs one of its own")
    if settings.admin_api_key is not None and not looks_random(settings.admin_api_key):
        raise SettingsError("ADMIN_API_KEY can be guessed: production needs a random one")


def _check_database_password(url: str) -> None:
    found = parse_database_url(url)
    if found.password is not None:
        _check_password("DATABASE_URL", found.password, found.user)


def _check_password(name: str, password: str, user: str) -> None:
    if is_placeholder(password, user):
        raise SettingsError(f"{name} has a password of development, or none after the colon: choose another one")
