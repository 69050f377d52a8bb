"""One text in both languages."""

import msgspec


class Text(msgspec.Struct, frozen=True):
    """A text with parts such as `{count}`. `one` is the pair for a `count` of 1, Portuguese first."""

    pt: str
    en: str
    one: tuple[str, str] | None = None
