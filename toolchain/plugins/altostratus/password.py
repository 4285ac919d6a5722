"""`altostratus:pki:Password`: a random password that stays, and its bcrypt hash."""

import secrets
import string
import uuid
from collections.abc import Iterator, Sequence

from toolchain.plugins.altostratus.fields import unknown_fields
from toolchain.plugins.protocol import UNKNOWN, CheckFailure, Properties, Request, ResourceHandler

ALPHABET = string.ascii_letters + string.digits
DEFAULT_LENGTH = 32
SHORTEST = 12
LONGEST = 256
HASHED = 72  # bytes that bcrypt looks at
ROUNDS = 10


class PasswordHandler(ResourceHandler):
    """Letters and digits, so that it needs no quoting anywhere. A new length makes a new password."""

    secret_outputs = ("value", "bcrypt")
    immutable = ("length",)

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        length = news.get("length")
        length = DEFAULT_LENGTH if length is None else length
        failures = [*unknown_fields(news, ("length",)), *wrong_length(length)]
        return {**news, "length": length}, failures

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", {**news, "value": UNKNOWN, "bcrypt": UNKNOWN}
        import bcrypt

        value = new_password(news["length"])
        hashed = bcrypt.hashpw(value.encode()[:HASHED], bcrypt.gensalt(ROUNDS)).decode()
        return uuid.uuid4().hex, {**news, "value": value, "bcrypt": hashed}

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """Nothing outside the state exists."""


def new_password(length: int) -> str:
    """That many random letters and digits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def wrong_length(length: object) -> Iterator[CheckFailure]:
    """What is wrong with the length of a password."""
    whole = isinstance(length, int) and not isinstance(length, bool)
    if length is not UNKNOWN and not (whole and SHORTEST <= length <= LONGEST):  # type: ignore[operator]
        yield CheckFailure("length", f"length is {length!r}; allowed are {SHORTEST} to {LONGEST} characters")
