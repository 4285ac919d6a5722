"""The scale of an application: members for each cluster, instances for each group.

This is the value of `altostratus:scale` in a stack's config:
`{clusters: {web: 5, search/engine: 2, search.2/engine: 3}, groups: {search: 2}, generation: 7}`.
A key is an alias where only one cluster (or group) has it, a path of aliases for all copies,
or a path with instance numbers for one copy. The key that names the most instances wins.

With `overflow: true` the counts are those of members that run in another cloud beside the application's home:
its minimums do not hold for them, and what is not named has none.

While a failed part of the application restarts, `restart: {failed: [search.1/engine], stopped: [web]}`
stands beside them: the clusters under `stopped` are held at no members until what they wait for is back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from blueprints.composition import ComposedCluster, ComposedGroup, ComposedLevel
from blueprints.config_values import config_value
from blueprints.findings import DocumentError, Finding
from blueprints.kinds.cartridge_use import UNBOUNDED, Range
from blueprints.nearest import nearest

_Key = tuple[tuple[str, int | None], ...]

CLUSTER_ID_PATTERN = r"^([a-z0-9-]+\.[1-9][0-9]*/)*[a-z0-9-]+$"


_Id = Annotated[str, Field(pattern=CLUSTER_ID_PATTERN, max_length=1000)]


class RestartState(BaseModel):
    """A restart under way. A cluster that is in the documents no longer is passed over, not an error:
    an edit of the documents must not be stopped by what the supervisor was at."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    failed: tuple[_Id, ...] = Field(min_length=1, max_length=20_000)
    """The ids of the clusters whose failure is answered: with the documents they say what restarts."""
    stopped: tuple[_Id, ...] = Field(default=(), max_length=20_000)
    """The ids of the clusters held at no members now; none while they start again."""

    @field_validator("failed", "stopped", mode="before")
    @classmethod
    def _from_a_list(cls, given: Any) -> Any:
        return tuple(given) if isinstance(given, list) else given


class ScaleState(BaseModel):
    """What the autoscaler, or a person, asked for. Nothing asked means the minimum."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    clusters: dict[str, int] = Field(default_factory=dict, max_length=50_000)
    groups: dict[str, int] = Field(default_factory=dict, max_length=50_000)
    generation: int = Field(default=0, ge=0)
    """Counts the edits of the autoscaler."""
    restart: RestartState | None = None
    """The restart under way, if there is one."""
    overflow: Literal[True] | None = None
    """Whether these are members beside those of the application's home."""

    @classmethod
    def parse(cls, data: Any) -> "ScaleState":
        """Read plain data. Raises DocumentError with every reason."""
        hint = (
            "Write {clusters: {ALIAS: MEMBERS}, groups: {ALIAS: INSTANCES}, generation: N}; "
            "`restart` is the supervisor's."
        )
        return config_value(cls, data, "altostratus:scale", hint)

    def to_data(self) -> dict[str, Any]:
        """Plain data for a stack's config."""
        return self.model_dump(mode="json", exclude_none=True)

    def with_restart(self, restart: RestartState | None) -> "ScaleState":
        """The same counts with another restart under way, or none; the next generation."""
        return self.model_copy(update={"restart": restart, "generation": self.generation + 1})

    @property
    def stopped(self) -> frozenset[str]:
        """The ids of the clusters held at no members."""
        return frozenset(self.restart.stopped if self.restart else ())

    def at_rest(self) -> "ScaleState":
        """The same counts as if no restart were under way."""
        return self.model_copy(update={"restart": None})


@dataclass(slots=True)
class ResolvedScale:
    """A scale whose keys are known to name something, ready to be asked copy by copy."""

    clusters: dict[tuple[str, ...], list[tuple[_Key, int]]] = field(default_factory=dict)
    groups: dict[tuple[str, ...], list[tuple[_Key, int]]] = field(default_factory=dict)
    stopped: frozenset[str] = frozenset()
    overflow: bool = False

    def members(self, groups: tuple[tuple[str, int], ...], alias: str, bounds: Range) -> int:
        """The members of a cluster in one copy."""
        if self.stopped and "/".join((*(f"{g}.{n}" for g, n in groups), alias)) in self.stopped:
            return 0
        return _answer(self.clusters, groups, alias, 0 if self.overflow else bounds.min)

    def instances(self, groups: tuple[tuple[str, int], ...], alias: str, bounds: Range) -> int:
        """The instances of a group in one copy of what is around it."""
        return _answer(self.groups, groups, alias, bounds.min)


def _answer(
    table: dict[tuple[str, ...], list[tuple[_Key, int]]],
    groups: tuple[tuple[str, int], ...],
    alias: str,
    default: int,
) -> int:
    if not table:
        return default
    for key, count in table.get((*(g for g, _ in groups), alias), ()):
        if all(wanted is None or wanted == here for (_, wanted), (_, here) in zip(key, groups, strict=False)):
            return count
    return default


def resolve(scale: ScaleState, root: ComposedLevel) -> ResolvedScale:
    """Check every key and number of a scale against an application. Raises DocumentError."""
    findings: list[Finding] = []
    resolved = ResolvedScale(stopped=scale.stopped, overflow=bool(scale.overflow))
    for what, given, table in (
        ("cluster", scale.clusters, resolved.clusters),
        ("group", scale.groups, resolved.groups),
    ):
        for text, count in given.items():
            outcome = _resolve_key(text, what, root)
            if isinstance(outcome, Finding):
                findings.append(outcome)
                continue
            key, bounds = outcome
            if scale.overflow and what == "cluster":
                bounds = bounds.model_copy(update={"min": 0})
            wrong = out_of_range(text, what, count, bounds)
            if wrong:
                findings.append(wrong)
            table.setdefault(tuple(alias for alias, _ in key), []).append((key, count))
    if findings:
        raise DocumentError(findings)
    for table in (resolved.clusters, resolved.groups):
        for entries in table.values():
            entries.sort(key=lambda entry: -sum(1 for _, n in entry[0] if n is not None))
    return resolved


def fitted(scale: ScaleState, root: ComposedLevel) -> tuple[ScaleState, list[str]]:
    """The scale without the keys that an application has no room for, and those keys."""
    left: list[str] = []
    kept: dict[str, dict[str, int]] = {}
    for what, given in (("cluster", scale.clusters), ("group", scale.groups)):
        kept[what] = {}
        for text, count in given.items():
            found = _resolve_key(text, what, root)
            if isinstance(found, Finding) or out_of_range(text, what, count, found[1]):
                left.append(f"{text}={count}")
            else:
                kept[what][text] = count
    if not left:
        return scale, left
    update = {"clusters": kept["cluster"], "groups": kept["group"], "generation": scale.generation + 1}
    return scale.model_copy(update=update), left


def find_key(text: str, what: str, root: ComposedLevel) -> tuple[tuple[str, ...], Range] | None:
    """The path of aliases that a scale's key names and its range; None where it names nothing, or several."""
    found = _resolve_key(text, what, root)
    return None if isinstance(found, Finding) else (tuple(alias for alias, _ in found[0]), found[1])


def kind_of(text: str, root: ComposedLevel) -> Literal["cluster", "group"]:
    """Whether a key of a scale names a cluster or a group. Raises DocumentError where it names neither,
    or might be either."""
    found = {what: _resolve_key(text, what, root) for what in ("cluster", "group")}
    known = {what: key for what, key in found.items() if not isinstance(key, Finding)}
    if len(known) == 1:
        return "cluster" if "cluster" in known else "group"
    if known:
        exact = tuple(segment.partition(".")[0] for segment in text.split("/"))
        paths = [tuple(alias for alias, _ in key) for key, _ in known.values()]
        if exact in paths:
            return "cluster" if exact == paths[0] else "group"
        raise DocumentError(
            [
                Finding(
                    "ALT1301", f"{text!r} is the alias of a cluster and of a group", path=text, value=text,
                    allowed=tuple(map("/".join, paths)),
                    hint=f"Write {'/'.join(paths[0])} for the cluster, {'/'.join(paths[1])} for the group.",
                )
            ]
        )  # fmt: skip
    findings = [each for each in found.values() if isinstance(each, Finding)]
    close = [each for each in findings if each.nearest or "is the alias of" in each.message]
    raise DocumentError((close or findings)[:1])


def out_of_range(text: str, what: str, count: int, bounds: Range) -> Finding | None:
    """The finding about a number outside its range, in words."""
    if bounds.min <= count <= bounds.max:
        return None
    unit = "members" if what == "cluster" else "instances"
    side = "over" if count > bounds.max else "under"
    return Finding(
        "ALT1302",
        f"{text}={count} is {side} its range: {what} {text!r} takes {bounds} {unit}",
        path=text, value=str(count), allowed=(str(bounds),),
        hint=f"Ask for {bounds}, or change {unit} in the application.",
    )  # fmt: skip


def _parse_key(text: str) -> _Key | None:
    key: list[tuple[str, int | None]] = []
    for segment in text.split("/"):
        alias, dot, number = segment.partition(".")
        if not alias or (
            dot and not (number.isascii() and number.isdigit() and 0 < int(number[:6]) <= UNBOUNDED)
        ):
            return None
        key.append((alias, int(number) if dot else None))
    return tuple(key)


def _resolve_key(text: str, what: str, root: ComposedLevel) -> tuple[_Key, Range] | Finding:
    key = _parse_key(text)
    if key is None or key[-1][1] is not None:
        return Finding(
            "ALT1303", f"{text!r} is not the name of a {what}", path=text, value=text,
            hint="Write an alias, a path such as search/engine, or one copy's path such as search.2/engine.",
        )  # fmt: skip
    wanted = ComposedCluster if what == "cluster" else ComposedGroup
    path = tuple(alias for alias, _ in key)
    found = root.descend(path)
    if not isinstance(found, wanted) and len(path) == 1:
        matches = [p for p, c in root.paths() if p[-1] == path[0] and isinstance(c, wanted)]
        if len(matches) == 1:
            key = tuple((alias, None) for alias in matches[0])
            found = root.descend(matches[0])
        elif matches:
            paths = tuple("/".join(p) for p in matches)
            return Finding(
                "ALT1301", f"{text!r} is the alias of {len(matches)} {what}s", path=text, value=text,
                allowed=paths, hint=f"Write one of {', '.join(paths[:8])}.",
            )  # fmt: skip
    if isinstance(found, ComposedCluster) and what == "cluster":
        return key, found.use.members
    if isinstance(found, ComposedGroup) and what == "group":
        return key, found.instances
    known = tuple("/".join(p) for p, c in root.paths() if isinstance(c, wanted))
    close = nearest(text, known)
    listed = ", ".join(known[:8]) or "none"
    return Finding(
        "ALT1301", f"the application has no {what} {text!r}", path=text, value=text, allowed=known[:50],
        nearest=close, hint=f"Did you mean {close!r}?" if close else f"It has {listed}.",
    )  # fmt: skip


def ranges(root: ComposedLevel) -> Mapping[str, Range]:
    """The range of every cluster and group by its path, for showing."""
    return {
        "/".join(path): child.use.members if isinstance(child, ComposedCluster) else child.instances
        for path, child in root.paths()
    }
