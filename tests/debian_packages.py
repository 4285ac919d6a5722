"""Programs that a test needs, from Debian where they are not there."""

import pytest

from toolchain import debian


def need(there: object, *packages: str) -> None:
    """Install the packages unless what is needed is there. Skips where nothing can be installed."""
    if there:
        return
    if not debian.can_install():
        pytest.skip(f"install {', '.join(packages)}")
    debian.install(packages)
