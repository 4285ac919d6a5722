"""What an update of an application goes by: a person's by config and documents as they are now, one that
nobody asked for by what a person's update left in the stack's own state."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from blueprints import recorded
from blueprints.deployed import (
    AS_DEPLOYED,
    HELD,
    Deployed,
    Present,
    admitted,
    composed_as,
    newest,
    standing,
)
from blueprints.plan import HOME_COPY
from blueprints.revision import Pin, in_force
from blueprints.scale import ScaleState
from blueprints.workspace import Workspace
from stacks import settings
from stacks.artifact_commits import AUTOMATIC
from stacks.names import StackName
from toolchain import paths

REVISION_VARIABLE = "ALTO_REVISION"
"""An environment variable with a kept revision to look at, whatever the config says: for previews."""


@dataclass(frozen=True)
class Basis:
    """What an update goes by. `deployed` is None for a person's; `commits` are what branches are held at;
    `steering` as in `blueprints.deployed.Standing`, `at` as in `Deployed`."""

    chosen: settings.ApplicationStack
    workspace: Workspace
    scale: ScaleState
    pin: Pin | None = None
    commits: Mapping[str, str] = field(default_factory=dict)
    deployed: Deployed | None = None
    steering: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0

    @property
    def keeps_secrets(self) -> bool:
        """Whether members' secrets that are deployed stay: a move may give them more, what scales may not."""
        return AUTOMATIC in os.environ and self.deployed is not None and bool(self.deployed.settings)

    def copy(self, stack: StackName) -> str:
        """What the copy is called that members go by."""
        return self.chosen.copy_name or stack.cloud or HOME_COPY

    def held(self, stack: StackName) -> dict[str, Any]:
        """The settings that later updates go by which nobody asks for."""
        if self.deployed is not None and self.deployed.settings:
            return dict(self.deployed.settings)
        written = settings.written(settings.ApplicationStack)
        said = {
            "cloud": self.chosen.cloud,
            "application": self.chosen.application,
            "copy": self.copy(stack),
            "blueprint": written.get("blueprint"),
            "maintenance": written.get("maintenance"),
        }
        return {key: value for key, value in said.items() if value is not None}


def basis(stack: StackName) -> Basis:
    """What this update goes by. Raises SettingsError and DocumentError."""
    defaults: dict[str, Any] = {"application": stack.subject}
    if stack.cloud is not None:
        defaults["cloud"] = stack.cloud
    like = os.environ.get(AS_DEPLOYED)
    if AUTOMATIC not in os.environ and like is None:
        return _of_person(stack, defaults)
    found = _recorded(like or stack.text)
    if found is None:
        pulumi.log.warn(
            f"nothing says what {like or stack.text} was last updated to by a person (no update of this "
            "version yet): its documents count as they are"
        )
        return _of_person(stack, defaults)
    return _of_nobody(stack, defaults, found if like in (None, stack.text) else found.elsewhere())


def _of_person(stack: StackName, defaults: Mapping[str, Any]) -> Basis:
    chosen = settings.load(settings.ApplicationStack, stack.text, defaults)
    revision = os.environ.get(REVISION_VARIABLE) or chosen.revision
    documents = in_force(paths.root(), stack.text, chosen.blueprint, revision)
    at = newest(paths.root(), chosen.blueprint)
    if documents.pin is not None:
        # Nobody shall wonder why a change of the documents does, or does not, arrive.
        pulumi.log.warn(
            f"stands at revision {documents.pin.revision}, not at its documents: `alto rollback` went back "
            "to it. Change the documents to go forward, or: alto rollback APP --forward"
        )
    elif documents.released:
        pulumi.log.warn(
            f"the documents have changed since `alto rollback` went back to revision {documents.released}: "
            "they count again"
        )
    commits = documents.pin.commits if documents.pin else {}
    return Basis(chosen, documents.workspace, chosen.scale, documents.pin, commits, at=at)


def _of_nobody(stack: StackName, defaults: Mapping[str, Any], deployed: Deployed) -> Basis:
    now = settings.written(settings.ApplicationStack)
    held = deployed.settings
    values = {key: value for key, value in now.items() if not held or key not in HELD}
    values.pop("autoscaling", None)  # for the autoscaler to read
    values = {**defaults, **values, **held}
    chosen = settings.check(settings.ApplicationStack, values, settings.config_path(stack.text))
    blueprint = now.get("blueprint") or chosen.blueprint
    blueprint = [blueprint] if isinstance(blueprint, str) else list(blueprint)
    found = standing(deployed, Present.look(paths.root(), stack.text, blueprint, now.get("revision")))
    root = found.workspace.compose(deployed.revision.application)
    fit = admitted(root, chosen.scale, valid=found.valid)
    for note in (*found.notes, *fit.moved, *fit.passed):
        pulumi.log.warn(note)
    workspace = found.workspace if fit.root is root else composed_as(found.workspace, fit.root)
    return Basis(chosen, workspace, fit.scale, None, deployed.held, deployed, found.steering)


def _recorded(stack: str) -> Deployed | None:
    """What the stack's own state says; only the file backend's can be read before anything is made."""
    found = recorded.outputs(os.environ.get("PULUMI_BACKEND_URL", ""), stack)
    return Deployed.from_output(found.get("revision")) if found else None
