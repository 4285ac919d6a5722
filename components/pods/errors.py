"""What an application asks for that cannot be put on a cluster."""


class ApplicationError(Exception):
    """A fault of the application's documents or settings, in words: what, where, and what to do."""
