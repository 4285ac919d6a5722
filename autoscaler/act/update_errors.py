"""What can go wrong with an update, each with the exit code that the console ends with."""


class UpdateError(Exception):
    """An update failed; the text is for people and names the log."""

    exit_code = 1


class StackConflict(UpdateError):
    """Another update of the stack is under way, by a process that may be alive."""

    exit_code = 3


class WrongPassphrase(UpdateError):
    """The stack's secrets cannot be read with the passphrase at hand."""

    exit_code = 2


class UpdateKilled(UpdateError):
    """The CLI was ended by a signal; what it had begun is known from its lock and its state."""
