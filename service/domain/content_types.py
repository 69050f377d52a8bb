"""The value of a Content-Type header: the kind of a text, and its charset."""

import re

_CHARSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,39}")  # every registered name, and nothing that ends a value


def charset_of(header: str) -> str | None:
    """The charset that a Content-Type names, as it is written; None for what is no name of one.

    What comes is put into headers and links of this service: quotes, spaces and line breaks never pass.
    """
    for parameter in header.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            found = value.strip(" \t")
            is_quoted = len(found) > 1 and found.startswith('"') and found.endswith('"')
            found = found[1:-1] if is_quoted else found
            return found if _CHARSET.fullmatch(found) else None
    return None


def content_type(mime_type: str, charset: str | None) -> str:
    """The header of a file, as the object store keeps it and links answer it."""
    return mime_type if charset is None else f"{mime_type}; charset={charset}"
