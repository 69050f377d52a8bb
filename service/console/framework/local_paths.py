"""Where a redirect may lead: to a page of the console, and nowhere else."""

import re

#: One slash and no backslash: browsers take both `//host` and `/\host` for another host.
_LOCAL = re.compile(r"/console(?:/[A-Za-z0-9._~-]+)*(?:\?[A-Za-z0-9._~%=&+:,-]*)?")
LOCAL_PATH_MAX = 2000  # characters


def local_path(given: str) -> str | None:
    """The path if it is one of the console's pages. None for anything else, the log-in among them."""
    if len(given) > LOCAL_PATH_MAX or not _LOCAL.fullmatch(given) or "/.." in given:
        return None
    return None if given.startswith("/console/login") else given
