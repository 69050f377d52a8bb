"""The messages between a stack and its supervisor: one JSON object per line, over the supervisor's stdin and stdout."""

from typing import Literal

import msgspec

from service.local.endpoints import Endpoints

ServerName = Literal["postgres", "valkey", "s3", "portal"]
Action = Literal["start", "stop", "kill", "pause", "resume"]


class Request(msgspec.Struct, frozen=True):
    """Something to do to one server."""

    action: Action
    server: ServerName


class Reply(msgspec.Struct, frozen=True):
    """The reply to one request. The very first holds the endpoints, or the error that kept the stack from starting."""

    error: str | None = None
    endpoints: Endpoints | None = None
