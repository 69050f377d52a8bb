"""Configures the logs of a process."""

import os
from urllib.parse import unquote, urlsplit

import structlog

from service.database.url import passwords
from service.domain.environment.variables import injected
from service.observability.logs import configure_logs
from service.settings import Settings


def configure_process_logs(settings: Settings) -> None:
    """Log JSON in production and readable lines elsewhere, unless `LOG_FORMAT` says otherwise."""
    default = "json" if settings.is_production else "console"
    as_json = (settings.log_format or default) == "json"
    configure_logs(settings.log_level, as_json=as_json, secrets=_secrets(settings))


def warn_of_ignored_settings() -> None:
    """Log which variables are not used as settings, because Kubernetes has set them."""
    for name in injected(os.environ):
        reason = "it is the address of a service, which Kubernetes put there"
        structlog.get_logger().warning("setting_ignored", setting=name, reason=reason)


def _secrets(settings: Settings) -> list[str]:
    given = [
        settings.pdpj_token,
        settings.pdpj_refresh_token,
        settings.aws_secret_access_key,
        settings.aws_session_token,
        settings.admin_api_key,
        *passwords(settings.database_url),
        *_passwords(settings.redis_url),
    ]
    return [each for each in given if each]


def _passwords(url: str) -> tuple[str, ...]:
    written = urlsplit(url).password
    return () if written is None else (written, unquote(written))
