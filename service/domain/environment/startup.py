"""The error of a process that cannot start."""


class StartupError(Exception):
    """The process cannot start. The message is one line that names the setting to check."""
