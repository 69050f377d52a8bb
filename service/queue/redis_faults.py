"""Errors of Redis, described for the operator."""

import re
import ssl

import redis.exceptions
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    BusyLoadingError,
    ExecAbortError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

_BY_TYPE: tuple[tuple[type[Exception], str], ...] = (
    (AuthenticationError, "the user or the password is wrong"),
    (BusyLoadingError, "it loads its data (LOADING)"),
    (ReadOnlyError, "it is a replica and takes no writes (READONLY)"),
    (OutOfMemoryError, "its memory is full (OOM)"),
    (NoPermissionError, "its user may not do what the service needs (NOPERM)"),
)
#: redis-py leaves these codes at the beginning of the message.
_BY_CODE = {
    "MISCONF": "it cannot write to its disk",
    "NOREPLICAS": "it lacks replicas",
    "MASTERDOWN": "its primary is away",
    "CLUSTERDOWN": "its cluster is down",
    "TRYAGAIN": "its cluster moves keys",
    "MOVED": "it is a cluster, which the service does not support",
    "ASK": "it is a cluster, which the service does not support",
    "CROSSSLOT": "it is a cluster, which the service does not support",
    "BUSY": "it runs a script",
    "NOAUTH": "the user or the password is wrong",
    "WRONGPASS": "the user or the password is wrong",
}
#: To these redis-py and arq have an answer of their own, such as to send the script that the server does not know.
_OF_THE_PROTOCOL = (AuthenticationWrongNumberOfArgsError, ExecAbortError, NoScriptError)
_NO_MORE_CLIENTS = "max number of clients reached"  # redis-py takes it for a lost connection
_QUOTED = re.compile(r"[,:]? *(with args|['\"`@,]).*", re.DOTALL)  # what was sent, or where in a script
_SHOWN = 80  # characters of an answer


class RedisRefusesError(redis.exceptions.ConnectionError):
    """The server answers but refuses work. A worker waits for it as for one that is away."""

    def __init__(self, reason: str) -> None:
        """`reason` is one line for the operator."""
        super().__init__(reason)
        self.reason = reason


def refusal(error: BaseException) -> str | None:
    """Why the server refuses work. None for any other error."""
    for kind, reason in _BY_TYPE:
        if isinstance(error, kind):
            return reason
    text = str(error)
    if text == _NO_MORE_CLIENTS:
        return "it takes no more clients"
    if not isinstance(error, ResponseError) or isinstance(error, _OF_THE_PROTOCOL):
        return None
    code = text.partition(" ")[0]
    return f"{_BY_CODE[code]} ({code})" if code in _BY_CODE else f"it answers with an error ({_shown(text)})"


def describe(error: BaseException) -> str:
    """One line about the error, without any value of the settings."""
    if isinstance(error, RedisRefusesError):
        return error.reason
    if (reason := refusal(error)) is not None:
        return reason
    causes = _chain(error)
    certificate = next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        return f"its certificate is not trusted: {certificate.verify_message}; see ssl_ca_certs"
    # redis-py wraps the error of the operating system.
    kind = type(next((each for each in causes if type(each).__module__ in {"builtins", "socket", "ssl"}), error))
    return f"it cannot be reached ({kind.__name__})"


def _shown(text: str) -> str:
    """The beginning of an answer, without what it quotes: that may be a password."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    return _QUOTED.sub("", printable)[:_SHOWN].strip()


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found
