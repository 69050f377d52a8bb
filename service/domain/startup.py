"""The error of a start that cannot succeed."""


class StartupError(Exception):
    """The process cannot work. The message is one line that says which setting to look at."""
