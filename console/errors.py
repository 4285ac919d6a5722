"""What the console itself refuses, in the words a person needs."""


class ConsoleError(Exception):
    """A command failed: what, and what to do about it."""

    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}\n  {hint}" if hint else what)


class BadInput(ConsoleError):
    """The command's input cannot be right."""

    exit_code = 2
