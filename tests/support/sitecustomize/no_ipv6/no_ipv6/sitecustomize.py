"""On the PYTHONPATH of a process: a machine whose kernel has no IPv6."""

import errno
import socket
from typing import Any

_Socket = socket.socket


class _OfIPv4(_Socket):
    def __init__(self, family: int = -1, *arguments: Any, **options: Any) -> None:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        super().__init__(family, *arguments, **options)


socket.socket = _OfIPv4  # type: ignore[misc]  # for everything that is imported later
