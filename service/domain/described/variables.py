"""Types of environment variables whose values have a pattern."""

from typing import Annotated

from service.domain.described.words import shape

Rate = Annotated[
    str,
    shape(
        "a number per second, minute, hour or day, such as 600/minute",
        pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$",
    ),
]
Origin = Annotated[str, shape("an origin such as https://app.example.com, or *", pattern=r"^(\*|https?://[^/?#@\s]+)$")]
PrivateHost = Annotated[
    str,
    shape(
        "a host such as hooks.internal:8443, with or without its scheme and port",
        pattern=r"^(https?://)?([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[1-9][0-9]{0,4})?$",
    ),
]
WorkerName = Annotated[str, shape("1 to 64 of the characters A-Z a-z 0-9 . _ @ -", pattern=r"^[A-Za-z0-9._@-]{1,64}$")]
Duration = Annotated[
    str,
    shape(
        "a number of seconds, or an interval such as 90m, 6h or 1d, up to 99 days",
        pattern=r"^([1-9][0-9]{0,5}|[1-9][0-9]{0,4}m|[1-9][0-9]{0,2}h|[1-9][0-9]?d|[1-9]w)$",
    ),
]
Hours = Annotated[
    str,
    shape(
        "two hours of the day such as 20-6",
        pattern=r"^([01]?[0-9]|2[0-4])-([01]?[0-9]|2[0-4])$",
    ),
]
