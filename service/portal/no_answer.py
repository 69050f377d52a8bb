"""Says in plain words why there was no answer: the texts of aiohttp's errors may name hosts and classes."""

import aiohttp

#: The first entry that fits counts.
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "DNS failed: the name cannot be resolved"),
    (TimeoutError, "no answer in time"),
    (aiohttp.ClientPayloadError, "the answer was cut short"),
    (aiohttp.ServerDisconnectedError, "the connection was closed"),
    (aiohttp.ClientOSError, "the connection was closed"),
    (ConnectionError, "the connection was closed"),
    (aiohttp.ClientResponseError, "an answer that is not HTTP"),
)


def in_words(error: BaseException) -> str:
    """Return the reason, for operators. Contains no host and no address."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _tls(error.certificate_error)
    if isinstance(error, aiohttp.ClientSSLError):
        return _tls(error.os_error)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy of PDPJ_PROXY_URL answered {error.status}"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the proxy of PDPJ_PROXY_URL: {_connection(error.os_error)}"
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientConnectorDNSError):
        return _connection(error.os_error)
    fitting = [words for kind, words in _WORDS if isinstance(error, kind)]
    return fitting[0] if fitting else f"no answer: {type(error).__name__}"


def _tls(error: BaseException) -> str:
    verify_message: str | None = getattr(error, "verify_message", None)
    reason: str | None = getattr(error, "reason", None)
    return f"TLS failed: {verify_message or reason or type(error).__name__}"


def _connection(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, ConnectionError):
        # During the handshake of TLS, for example through a tunnel that a proxy opened and closed.
        return "the connection was closed"
    return f"no connection: {error.strerror or type(error).__name__}"
