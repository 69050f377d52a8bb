"""What the stack and its guardian say to each other: one JSON object per line, over the guardian's stdin and stdout."""

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
    """The answer to one request. The first reply of all carries the endpoints, or what kept the stack from starting."""

    error: str | None = None
    endpoints: Endpoints | None = None
