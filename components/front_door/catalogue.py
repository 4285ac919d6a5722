"""Finds drivers of front doors by name: the built-in ones, then those of installed packages.

A package adds one by an entry point of the group `altostratus.front_doors`.
"""

from importlib.metadata import entry_points
from typing import cast

from components.front_door.driver import FrontDriver
from components.pods.errors import ApplicationError

GROUP = "altostratus.front_doors"
BUILT_IN = ("docker", "aws")


def driver(name: str) -> FrontDriver:
    """The driver of that name, loaded on first use. Raises ApplicationError."""
    if name == "docker":
        from components.front_door.docker_driver import DockerFront

        return DockerFront()
    if name == "aws":
        from components.front_door.aws_driver import AwsFront

        return AwsFront()
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if name not in installed:
        there = ", ".join([*BUILT_IN, *sorted(installed)])
        raise ApplicationError(
            f"there is no front door driver {name!r} (there are {there}).\n"
            "  Install the package that has it, or name another driver."
        )
    try:
        found = installed[name].load()
    except Exception as error:  # whatever a stranger's module does, the user is told which one it was
        raise ApplicationError(f"the front door driver {name!r} cannot be loaded: {error}") from error
    missing = [each for each in ("problems", "create") if not hasattr(found, each)]
    if missing:
        raise ApplicationError(f"the front door driver {name!r} lacks {', '.join(missing)}")
    return cast(FrontDriver, found() if isinstance(found, type) else found)
