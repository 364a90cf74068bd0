"""What a command raises to end with a message in place of a traceback."""


class UsageError(Exception):
    """Wrong usage or wrong input; exit code 2."""


class WorkError(Exception):
    """Work that could not be done; exit code 1."""
