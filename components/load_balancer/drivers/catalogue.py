"""Finds drivers by name: the built-in ones, then those of installed packages."""

from functools import cache
from typing import cast

from blueprints.balancing import catalogue
from components.load_balancer.drivers.driver import Driver
from components.pods.errors import ApplicationError


@cache
def driver(name: str) -> Driver:
    """The driver of that name, loaded on first use. Raises ApplicationError."""
    # Each is imported where it is used: the one for AWS alone is larger than all the rest.
    if name == "haproxy":
        from components.load_balancer.drivers.haproxy import Haproxy

        return Haproxy()
    if name == "nginx":
        from components.load_balancer.drivers.nginx import Nginx

        return Nginx()
    if name == "aws":
        from components.load_balancer.drivers.aws import Aws

        return Aws()
    try:
        found = catalogue.load(name)
    except catalogue.BrokenDriver as error:
        raise ApplicationError(str(error)) from error
    if found is None:
        raise ApplicationError(
            f"there is no load balancer driver {name!r} (there are {', '.join(catalogue.names())}).\n"
            "  Install the package that has it, or name another driver."
        )
    missing = [each for each in ("capabilities", "configuration", "create") if not hasattr(found, each)]
    if missing:
        raise ApplicationError(f"the load balancer driver {name!r} lacks {', '.join(missing)}")
    return cast(Driver, found() if isinstance(found, type) else found)
