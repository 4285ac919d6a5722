"""Checks of inputs that all types share."""

from collections.abc import Iterator, Sequence

from toolchain.plugins.protocol import CheckFailure, Properties


def missing(inputs: Properties, required: Sequence[str]) -> Iterator[CheckFailure]:
    """A failure for each required input that is absent or empty."""
    for key in required:
        value = inputs.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            yield CheckFailure(key, f"{key} is required")


def unknown_fields(inputs: Properties, known: Sequence[str]) -> Iterator[CheckFailure]:
    """A failure for each input that does not exist."""
    for key in inputs:
        if key not in known and not key.startswith("__"):
            listed = ", ".join(known) or "none"
            yield CheckFailure(key, f"there is no input {key!r}; known are: {listed}")
