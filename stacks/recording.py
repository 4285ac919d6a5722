"""What an application's stack says of what it was made of: for going back, and for updates of nobody."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from blueprints.deployed import Deployed
from blueprints.plan import Plan
from blueprints.revision import Revision, documents_of, runtimes_of
from components.pods.template import Images
from stacks.artifact_commits import followed, heads
from stacks.deployed import Basis
from stacks.names import StackName
from stacks.references import OtherStack


@dataclass(frozen=True)
class Parts:
    """What members use of their cloud's own: as its platform says, or as a person's update has used it."""

    platform: OtherStack
    kept: Mapping[str, Any] = field(default_factory=dict)
    used: dict[str, pulumi.Output[Any]] = field(default_factory=dict)
    """What was asked for, by output of the platform; `OUTPUT/NAME` for one of several."""

    def require(self, output: str) -> pulumi.Output[Any]:
        """One output. Stops the update, in words, where the platform does not have it."""
        return self._use(output, lambda: self.platform.require(output))

    def known(self, output: str, otherwise: Any) -> pulumi.Output[Any]:
        """One output, or `otherwise`."""
        return self._use(output, lambda: self.platform.known(output, otherwise))

    def one(self, output: str, name: str) -> pulumi.Output[Any]:
        """One value of an output with several by name."""
        return self._use(
            f"{output}/{name}", lambda: self.platform.require(output).apply(lambda known: known[name])
        )

    def _use(self, key: str, ask: Any) -> pulumi.Output[Any]:
        if key not in self.used:
            self.used[key] = pulumi.Output.from_input(self.kept[key]) if key in self.kept else ask()
        return self.used[key]


def record(
    stack: StackName, by: Basis, plan: Plan, images: Images, parts: Parts, authority: pulumi.Output[str]
) -> pulumi.Output[dict[str, object]]:
    """The output `revision`: of a person's update what it is made of, of another what it was."""
    before, preview = by.deployed, pulumi.runtime.is_dry_run()
    made_of = documents_of(by.workspace) if before is None else before.revision.documents
    runtimes = runtimes_of(by.workspace) if before is None else before.revision.runtimes
    settings = by.held(stack)

    async def recorded(known: Any) -> dict[str, object]:
        trusted, used, mirrors, now = known
        if before is not None:
            revision = replace(before.revision, images={**used, **before.revision.images})
            kept = replace(before, revision=revision, parts={**before.parts, **now}, settings=settings)
            return replace(kept, steering=by.steering).to_output()
        asked = () if preview else followed(plan).values()
        # Nothing else of the update waits for repositories.
        commits = await asyncio.to_thread(heads, asked, trusted, mirrors)
        revision = Revision(plan.application.name, made_of, used, commits, runtimes)
        made = Deployed(revision, settings, by.commits, now, pinned=by.pin is not None, at=by.at)
        return made.to_output()

    return pulumi.Output.all(
        authority, dict(images.by_key), images.git_mirrors or {}, dict(parts.used)
    ).apply(recorded)
