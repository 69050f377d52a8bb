"""Timeouts that end a session and release its locks if its process is frozen or its machine is lost.

They are set after connecting, because a connection pooler between the service and PostgreSQL refuses startup
parameters that it does not know. Settings that the server does not know are skipped.
"""

import socket
from collections.abc import Mapping

import asyncpg

#: Locks of a frozen process are released after 10 seconds; after at most 25 if it froze while it prepared a statement
#: or read a large result.
LIMITS: Mapping[str, str] = {
    "idle_in_transaction_session_timeout": "10s",
    # Longer than that, to outwait the locks of a frozen process. Shorter than `COMMAND_TIMEOUT` of the client.
    "lock_timeout": "12s",
    # Longer than `COMMAND_TIMEOUT`, after which the client cancels the statement: this is for clients that cannot.
    "statement_timeout": "20s",
    # If a client freezes after it prepared a statement, PostgreSQL counts it as neither idle nor running, so the limits
    # above do not apply. This one does, since version 17. No transaction of the service takes nearly as long.
    "transaction_timeout": "25s",
}
#: How the server notices that the client is gone. Seconds; `count` is a number of probes, `tcp_user_timeout` is in
#: milliseconds. Unix sockets ignore them.
KEEPALIVES: Mapping[str, str] = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    # Also for a client that does not acknowledge what is sent to it.
    "tcp_user_timeout": "15000",
}
#: The same for the client's side. Not every operating system has all of them.
_SOCKET_OPTIONS: Mapping[str, int] = {
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 15_000,
}


async def bound(connection: asyncpg.Connection) -> None:
    """Set the timeouts on a new connection of the pool."""
    _keep_alive(connection._transport.get_extra_info("socket"))
    wanted = {**LIMITS, **KEEPALIVES}
    await connection.fetch(
        "SELECT set_config(known.name, wanted.setting, false)"
        " FROM unnest($1::text[], $2::text[]) AS wanted (name, setting) JOIN pg_settings AS known USING (name)",
        list(wanted),
        list(wanted.values()),
    )


def local_port(connection: asyncpg.Connection) -> int | None:
    """Return the TCP port of this end; None for a Unix socket."""
    connected: socket.socket = connection._transport.get_extra_info("socket")
    return connected.getsockname()[1] if connected.family in {socket.AF_INET, socket.AF_INET6} else None


def _keep_alive(connected: socket.socket) -> None:
    if connected.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SOCKET_OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:
            connected.setsockopt(socket.IPPROTO_TCP, option, value)
