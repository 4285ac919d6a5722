"""What the toolchain says when it cannot go on."""


class ToolchainError(Exception):
    """A failure a person can act on: `what` happened (and where), and `hint`, what to do about it."""

    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n  {self.hint}" if self.hint else self.what
