"""Stratos' applications: their groups in place, with the dependencies of the groups' definitions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blueprints.kinds.application import Application
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.cartridge_use import UNBOUNDED
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.names import APPLICATION_NAME_LIMIT
from blueprints.stratos import sensitive
from blueprints.stratos.artifacts import artifact
from blueprints.stratos.dependencies import dependencies
from blueprints.stratos.groups import best_definition
from blueprints.stratos.naming import alias_of, free, name_of, variable_of
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport


@dataclass(slots=True)
class Surroundings:
    """What an application can refer to."""

    cartridges: Mapping[str, Cartridge]
    """By our names; every type that is used has one."""
    definitions: Mapping[str, list[Record]]
    """Group definitions by their name in Stratos."""
    autoscaling: Mapping[str, str]
    """Our names of autoscaling policies, by theirs, as this application sees them."""
    deployment: Mapping[str, DeploymentPolicy]
    """Deployment policies, by their names in Stratos, as this application sees them."""


@dataclass(slots=True)
class ApplicationImport:
    """Makes one Application document; afterwards `aliases` tells what became of each alias."""

    record: Record
    around: Surroundings
    report: ImportReport
    aliases: dict[str, str] = field(default_factory=dict)
    """Our paths, by Stratos' aliases."""
    types: dict[str, list[str]] = field(default_factory=dict)
    """Our paths of clusters, by their cartridge type in Stratos."""

    @property
    def subject(self) -> str:
        """What entries are about."""
        return f"application {self.record.text('applicationId') or self.record.text('alias')}"

    def add(self, outcome: Any, at: Record, key: str, text: str) -> None:
        """Note one thing about a value."""
        self.report.add(outcome, at.file, at.line_of(key) if key else at.line, self.subject, text)

    def make(self, name: str) -> Application | None:
        """The document, or nothing where the application has nothing to run."""
        record = self.record
        components = record.record("components")
        level = self._level(components, None, "", False) if components is not None else None
        if level is None:
            self.add("not carried over", record, "components", "it has neither cartridges nor groups")
            return None
        data: dict[str, Any] = {"name": name, **level}
        words = record.text("description") or record.text("name")
        if words:
            data["description"] = words[:2000]
        if record.boolean("multiTenant"):
            single = sorted(n for n in self._used() if not self.around.cartridges[n].multi_tenant)
            if single:
                self.add("changed", record, "multiTenant", f"single-tenant, as {', '.join(single)} is")
            else:
                data["multiTenant"] = True
        for key, _, line in record.properties("property", "properties"):
            self.report.add("not carried over", record.file, line, self.subject, f"the property {key!r}")
        self.add(
            "changed", record, "", "set placement to an ApplicationPolicy; Stratos chose one when it deployed"
        )
        return Application.model_validate(data, by_name=False)

    def _used(self) -> set[str]:
        return {name_of(kind) for kind in self.types}

    def _level(
        self, holder: Record, definition: Record | None, path: str, covered: bool
    ) -> dict[str, Any] | None:
        taken: set[str] = set()
        here: dict[str, str] = {}
        groups = [
            made
            for reference in holder.records("groups")
            if (made := self._group(reference, definition, path, covered, taken, here)) is not None
        ]
        cartridges = [
            made
            for reference in holder.records("cartridges")
            if (made := self._cluster(reference, path, covered, taken, here)) is not None
        ]
        if not groups and not cartridges:
            return None
        level: dict[str, Any] = {}
        if cartridges:
            level["cartridges"] = cartridges
        if groups:
            level["groups"] = groups
        source = holder if holder.has("dependencies") else definition
        if source is not None:
            level |= dependencies(source, lambda text: here.get(text, ""), self.subject, self.report)
        return level

    def _group(
        self,
        reference: Record,
        outer: Record | None,
        path: str,
        covered: bool,
        taken: set[str],
        here: dict[str, str],
    ) -> dict[str, Any] | None:
        theirs = reference.text("alias") or reference.text("name")
        if not theirs:
            self.add("not carried over", reference, "", "a group without alias and name")
            return None
        alias = self._alias(reference, "alias", theirs, taken)
        definition = self._definition(reference, outer)
        deployment = self._deployment(reference, reference, covered)
        inner = f"{path}{alias}/"
        level = self._level(reference, definition, inner, covered or bool(deployment))
        if level is None:
            self.add("not carried over", reference, "", f"group {theirs!r}, which is empty")
            return None
        here[theirs] = alias
        here.setdefault(reference.text("name"), alias)
        self.aliases.setdefault(theirs, f"{path}{alias}")
        instances = self._range(reference, "groupMinInstances", "groupMaxInstances", f"group {theirs!r}")
        found: dict[str, Any] = {"alias": alias, **level}
        if instances != {"min": 1, "max": 1}:
            found["instances"] = instances
        if deployment:
            found["deployment"] = deployment
        return found

    def _definition(self, reference: Record, outer: Record | None) -> Record | None:
        name = reference.text("name")
        if outer is not None:
            for inner in outer.records("groups"):
                if inner.text("name") == name:
                    return inner
        found = best_definition(reference, self.around.definitions.get(name, []))
        if found is None and outer is None and name:
            self.add("changed", reference, "name", f"no document defines group {name!r}; it is as bound here")
        return found

    def _cluster(
        self, reference: Record, path: str, covered: bool, taken: set[str], here: dict[str, str]
    ) -> dict[str, Any] | None:
        kind = reference.text("type")
        info = reference.record("subscribableInfo") or reference
        theirs = info.text("alias") or kind
        if not kind:
            self.add("not carried over", reference, "", f"cartridge {theirs!r} without a type")
            return None
        alias = self._alias(info, "alias", theirs, taken)
        here[theirs] = alias
        self.aliases.setdefault(theirs, f"{path}{alias}")
        self.types.setdefault(kind, []).append(f"{path}{alias}")
        members = self._range(reference, "cartridgeMin", "cartridgeMax", repr(theirs))
        use: dict[str, Any] = {"alias": alias, "cartridge": name_of(kind)}
        deployment = self._deployment(info, reference, covered)
        if deployment:
            use["deployment"] = deployment
            members = self._within(
                members, self.around.deployment[info.text("deploymentPolicy")], info, theirs
            )
        use["members"] = members
        autoscaling = info.text("autoscalingPolicy")
        if autoscaling in self.around.autoscaling:
            use["autoscaling"] = self.around.autoscaling[autoscaling]
        elif autoscaling:
            self.add(
                "not carried over", info, "autoscalingPolicy",
                f"autoscaling policy {autoscaling!r} of {theirs!r}, which no document describes",
            )  # fmt: skip
        self._settings(info, reference, use, theirs)
        return use

    def _settings(self, info: Record, reference: Record, use: dict[str, Any], theirs: str) -> None:
        repository = info.record("artifactRepository")
        if repository is not None:
            found = artifact(repository, use["alias"], self.subject, self.report)
            if found is not None:
                use["artifact"] = found
        environment: dict[str, Any] = {}
        for name, value, line in info.properties("property", "properties"):
            variable = variable_of(name.removeprefix("payload_parameter."))
            if name.startswith("payload_parameter.") and variable:
                environment[variable] = sensitive.variable(
                    variable, value, use["alias"], info, line, self.subject, self.report
                )
            else:
                self.report.add("not carried over", info.file, line, self.subject, f"{name!r} of {theirs!r}")
        if environment:
            use["environment"] = environment
        for key, why in (
            ("lvsVirtualIP", "a LoadBalancer document takes its place"),
            ("minMembers", "Stratos did not use it"),
            ("maxMembers", "Stratos did not use it"),
            ("persistence", "data belongs to the cartridge; change its size under persistence"),
        ):
            for holder in {id(h): h for h in (info, reference)}.values():
                if holder.has(key):
                    self.add("not carried over", holder, key, f"{key} of {theirs!r}: {why}")
        if info.texts("dependencyAliases"):
            self.add(
                "not carried over", info, "dependencyAliases",
                f"dependencyAliases of {theirs!r}: it sees what it waits for; name others under uses",
            )  # fmt: skip

    def _alias(self, holder: Record, key: str, theirs: str, taken: set[str]) -> str:
        alias = free(alias_of(theirs), taken)
        if alias != theirs:
            self.add("changed", holder, key, f"the alias {theirs!r} becomes {alias!r}")
        return alias

    def _range(self, holder: Record, low: str, high: str, what: str) -> dict[str, int]:
        least, most = holder.integer(low), holder.integer(high)
        for key, value in ((low, least), (high, most)):
            if holder.has(key) and value is None:
                self.add("changed", holder, key, f"{key} {holder.text(key)!r} of {what} is not a number")
        least = 1 if least is None else least
        most = max(least, 1) if most is None else most
        fixed_least = min(max(least, 0), UNBOUNDED)
        fixed_most = min(max(most, fixed_least, 1), UNBOUNDED)
        if (fixed_least, fixed_most) != (least, most):
            self.add(
                "changed",
                holder,
                high,
                f"{what} may have {least} to {most}, which becomes {fixed_least} to {fixed_most}",
            )
        return {"min": fixed_least, "max": fixed_most}

    def _deployment(self, holder: Record, at: Record, covered: bool) -> str:
        theirs = holder.text("deploymentPolicy")
        if not theirs:
            return ""
        if theirs not in self.around.deployment:
            self.add(
                "not carried over", holder, "deploymentPolicy",
                f"deployment policy {theirs!r}, which no document describes",
            )  # fmt: skip
            return ""
        if covered:
            self.add(
                "not carried over", holder, "deploymentPolicy",
                f"deployment policy {theirs!r}, as a group around it has one",
            )  # fmt: skip
            return ""
        return self.around.deployment[theirs].name

    def _within(
        self, members: dict[str, int], policy: DeploymentPolicy, at: Record, theirs: str
    ) -> dict[str, int]:
        if members["min"] <= policy.capacity:
            return members
        self.add(
            "changed", at, "deploymentPolicy",
            f"{theirs!r} needs {members['min']} members and its partitions hold {policy.capacity}: "
            "its minimum becomes that",
        )  # fmt: skip
        return {"min": policy.capacity, "max": members["max"]}


def application_name(record: Record, taken: set[str]) -> str:
    """Our name of an application."""
    return free(
        name_of(
            record.text("applicationId") or record.text("alias") or record.text("name"),
            APPLICATION_NAME_LIMIT,
        ),
        taken,
        APPLICATION_NAME_LIMIT,
    )
