"""What ends a session that a frozen process or a lost machine has left open, with the locks that it holds.

Everything here is set after the connection is made: a connection pooler between the service and PostgreSQL refuses
parameters that it does not know in the start of a connection. What a server does not know is left out.
"""

import socket
from collections.abc import Mapping

import asyncpg

#: Rows and locks that one process holds while it stands still are free for the others after ten seconds, or after 25
#: at most, if it stands still while a statement is prepared or a large result is read.
LIMITS: Mapping[str, str] = {
    "idle_in_transaction_session_timeout": "10s",
    # Longer than that: who waits for the locks of a frozen process gets them. Shorter than the client waits.
    "lock_timeout": "12s",
    # Longer than the client waits, which asks for an end itself: this is for one that cannot.
    "statement_timeout": "20s",
    # PostgreSQL takes a client that has prepared a statement and does not go on for neither idle nor at work: the
    # limits above do not count. Since version 17 this one does. No transaction of the service comes near it.
    "transaction_timeout": "25s",
}
#: How the server finds out that the other end of the wire is gone: in seconds, but for the last, which is in
#: milliseconds. Sockets of the same machine ignore them.
KEEPALIVES: Mapping[str, str] = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    # Also of one that takes nothing of what is sent to it.
    "tcp_user_timeout": "15000",
}
#: The same for the client's end. Not every system has all.
_SOCKET_OPTIONS: Mapping[str, int] = {
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 15_000,
}


async def bound(connection: asyncpg.Connection) -> None:
    """Prepare a new connection of the pool."""
    _keep_alive(connection._transport.get_extra_info("socket"))
    wanted = {**LIMITS, **KEEPALIVES}
    await connection.fetch(
        "SELECT set_config(known.name, wanted.setting, false)"
        " FROM unnest($1::text[], $2::text[]) AS wanted (name, setting) JOIN pg_settings AS known USING (name)",
        list(wanted),
        list(wanted.values()),
    )


def _keep_alive(connected: socket.socket) -> None:
    if connected.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SOCKET_OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:
            connected.setsockopt(socket.IPPROTO_TCP, option, value)
