"""`altostratus:front:FrontDoor`: one stable address over all copies of an application."""

from typing import Any

import pulumi

from components.front_door.catalogue import driver
from components.front_door.driver import Front, Place
from components.pods.errors import ApplicationError

TYPE = "altostratus:front:FrontDoor"


class FrontDoor(pulumi.ComponentResource):
    """The front door of one application, by the driver named. Raises ApplicationError.

    Outputs: `urls`, and `described`: what who steers it needs to know (driver.py's Made).
    """

    urls: pulumi.Output[list[str]]
    described: dict[str, Any]

    def __init__(
        self, front: Front, driver_name: str, place: Place, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        chosen = driver(driver_name)
        if problems := chosen.problems(front):
            raise ApplicationError("\n".join(problems))
        super().__init__(TYPE, f"front-{front.application}", None, opts)
        made = chosen.create(front, place, self)
        self.urls = made.urls
        self.described = {"steering": made.steering, **made.outputs}
        self.register_outputs({"urls": self.urls, **self.described})
