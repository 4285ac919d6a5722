"""The stack kind `front-<application>`: one stable address over all copies of an application."""

import os
from collections.abc import Mapping
from functools import partial

import pulumi

from components.front_door.driver import Front, FrontCloud, GivenPair, Place
from components.front_door.front_door import FrontDoor
from components.load_balancer.workload import USER
from components.pods.errors import ApplicationError
from stacks import settings
from stacks.front_settings import FrontSettings, FrontStack
from stacks.names import StackName
from toolchain import paths

FOLDER = "front"


def build(stack: StackName) -> None:
    """Make the door that the settings describe.

    Exports `application`, `driver`, `urls`, `steering` (how it is told while it runs), and what that takes:
    `folder`, `state`, `token` (secret), `authority`, or `settles`.
    """
    chosen = settings.load(FrontStack, stack.text, {"application": stack.subject})
    front = _front(chosen)
    # Who runs the update must be able to steer the door, and the door must not run as root.
    owner = os.getuid() or USER
    place = Place(paths.home() / FOLDER / chosen.application, owner, partial(_secret, stack.text))
    door = FrontDoor(front, chosen.front.driver, place)
    pulumi.export("application", chosen.application)
    pulumi.export("driver", chosen.front.driver)
    pulumi.export("urls", door.urls)
    for name, value in door.described.items():
        pulumi.export(name, value)


def _front(chosen: FrontStack) -> Front:
    said: FrontSettings = chosen.front
    given = said.certificate
    return Front(
        application=chosen.application,
        scheme=said.scheme,
        copies=said.copies,
        listen=said.listen,
        port=said.port or 0,
        state_port=said.state_port or 0,
        hosts=said.hosts,
        certificate=GivenPair(given.certificate, given.key) if given else None,
        health_path=said.health_path,
        answer_within=str(said.answer_within) if said.answer_within is not None else None,
        options=said.options,
        clouds={name: FrontCloud(each.weight, each.addresses) for name, each in chosen.clouds.items()},
    )


def _secret(stack: str, name: str, wanted_by: str) -> pulumi.Output[str]:
    known = settings.secrets()
    told = f"pulumi config set --stack {stack} --secret --path altostratus:secrets.{name}"
    if known is None:
        raise ApplicationError(f"{wanted_by} needs the secret {name!r}, and the stack has none.\n  {told}")

    def found(values: Mapping[str, str]) -> str:
        if name not in values:
            raise pulumi.RunError(f"{wanted_by} needs the secret {name!r}.\n  {told}")
        return values[name]

    value: pulumi.Output[str] = known.apply(found)
    return value
