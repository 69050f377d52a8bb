"""The value of a Content-Type header: the MIME type and the charset."""

import re

_CHARSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,39}")  # every registered name, and nothing that ends a value


def charset_of(header: str) -> str | None:
    """The charset of a Content-Type, spelled as in the header; None if it is missing or malformed.

    The result goes into headers and links of this service, so it never has quotes, spaces or line breaks.
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
    """The Content-Type of a file, as the object store keeps it and as links return it."""
    return mime_type if charset is None else f"{mime_type}; charset={charset}"
