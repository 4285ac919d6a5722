"""What an update that no person asked for goes by: the documents of the last one that somebody did. Pure.

Of the documents as they are now only that counts which says how many: `members`, `instances`, `autoscaling`
and the policies it names, and the ratios of `scaling`. Everything else waits for a person's update. Where
the documents of now cannot be used, those count that could be used last.
"""

import math
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from blueprints.composition import ComposedCluster, ComposedGroup, ComposedLevel
from blueprints.families import is_copied
from blueprints.findings import DocumentError
from blueprints.kinds.autoscaling_policy import AutoscalingPolicy
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.cartridge_use import Range
from blueprints.loader import Loaded, load_nodes
from blueprints.nodes import ReadError
from blueprints.revision import Revision, documents_of, in_force, packed, runtimes_of, texts, unpacked
from blueprints.scale import ScaleState, find_key
from blueprints.sources import SUFFIXES, Source, discover, read_text
from blueprints.workspace import Workspace

HELD = ("cloud", "application", "copy", "maintenance", "blueprint")
"""Settings of a stack that wait for a person's update; the others count as they stand."""

AS_DEPLOYED = "ALTO_AS_DEPLOYED"
"""The environment variable with the stack whose last update by a person counts: moves set it for the updates
of an application's home and copies."""

_PLACE = Path("deployed")
"""Where messages say that a document of the last update stands."""


@dataclass(frozen=True)
class Deployed:
    """What a person's update leaves for those that nobody asks for: the stack's output `revision`.

    settings: of the stack's config, by key; held: commits that branches are held at, by address and branch;
    parts: images and addresses of the cloud's own that members use, by output of its platform; steering: the
    documents that said how many at the last update of all, empty where they are those of the revision; at:
    when the last of the person's documents had changed, in seconds since the epoch, 0 where nothing says.
    """

    revision: Revision
    settings: Mapping[str, Any] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)
    steering: Mapping[str, str] = field(default_factory=dict)
    pinned: bool = False
    at: float = 0.0

    def to_output(self) -> dict[str, object]:
        """Plain data for a stack's output."""
        more = {"settings": self.settings, "held": self.held, "parts": self.parts}
        steering = {"steering": packed(self.steering)} if self.steering else {}
        kept = {name: dict(value) for name, value in more.items() if value}
        return {**self.revision.to_output(), "pinned": self.pinned, "at": self.at, **kept, **steering}

    @classmethod
    def from_output(cls, data: object) -> "Deployed | None":
        """What a stack's output says; None where it says no revision. Older ones say less."""
        revision = Revision.from_output(data)
        if revision is None or not isinstance(data, dict):
            return None
        try:
            return cls(
                revision,
                dict(data.get("settings") or {}),
                texts(data.get("held") or {}),
                dict(data.get("parts") or {}),
                unpacked(data["steering"]) if data.get("steering") else {},
                bool(data.get("pinned")),
                float(data.get("at") or 0.0),
            )
        except (TypeError, ValueError, AttributeError):
            return cls(revision)

    def elsewhere(self) -> "Deployed":
        """The same for a copy in another cloud, which has images and settings of its own."""
        return replace(self, revision=replace(self.revision, images={}), settings={}, parts={}, steering={})


@dataclass(frozen=True)
class Present:
    """The documents as they are now; `problem` says why they cannot be used, where there are none.

    `changed`: when the last of their files did, in seconds since the epoch.
    """

    workspace: Workspace | None
    problem: str = ""
    changed: float = math.inf

    @classmethod
    def look(cls, root: Path, stack: str, blueprint: Iterable[str], revision: str | None) -> "Present":
        """Those that a person's update of the stack would take."""
        try:
            changed = newest(root, blueprint)
            return cls(in_force(root, stack, blueprint, revision).workspace, "", changed)
        except DocumentError as error:
            first = error.findings[0]
            where = f"{first.file}:{first.line}: " if first.file else ""
            return cls(None, f"{where}{first.message}", changed)
        except OSError as error:
            return cls(None, str(error))


@dataclass(frozen=True)
class Standing:
    """The documents that an update goes by which nobody asked for.

    steering: to be remembered with it. notes: what waits for a person's update, in words. valid: whether the
    documents of now can be used, so that a count outside of their ranges is none that was ever allowed.
    """

    workspace: Workspace
    steering: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    valid: bool = True


def newest(root: Path, blueprint: Iterable[str]) -> float:
    """When the last of the documents changed, in seconds since the epoch. Raises OSError."""
    files = discover(root / each for each in blueprint)
    return max((path.stat().st_mtime for path, _ in files), default=math.inf)


def standing(deployed: Deployed, present: Present, last: Workspace | None = None) -> Standing:
    """Join what was deployed with the bounds of now. `last`: documents that could be used a while ago.

    Raises DocumentError where what was deployed cannot be used by this version any more.
    """
    now, revision = present.workspace, deployed.revision
    said: Mapping[str, str] = documents_of(now) if now is not None else {}
    if now is not None and said == revision.documents and runtimes_of(now) == revision.runtimes:
        return Standing(now)
    if older := present.changed < deployed.at:
        # Somebody deployed from another checkout since: what stands here is the past, not an edit.
        now, last = None, None
    notes = [f"its documents cannot be used: {present.problem}; those count that last could be"]
    if older:
        notes = [f"the documents here are older than what was deployed since (revision {revision.id})"]
    elif now is not None:
        notes = []
    steering = now or last
    if steering is None and deployed.steering:
        steering, said = from_texts(deployed.steering, revision.runtimes), deployed.steering
    elif now is None and last is not None:
        said = documents_of(last)
    base = from_texts(revision.documents, revision.runtimes)
    if steering is None:
        return Standing(base, {}, tuple(notes), valid=older)
    names = {*said, *revision.documents}
    changed = sorted(name for name in names if said.get(name) != revision.documents.get(name))
    if now is not None:
        notes.append(
            f"{_listed(changed) or 'its code'} changed since the last update of a person (revision "
            f"{revision.id}); until the next one only bounds, scaling policies and ratios count of that"
        )
    root, says = base.compose(revision.application), _composed(steering, revision.application)
    if says is not None:
        notes += _waiting(root, says)
        root = _bounded(root, says)
    workspace = _Joined(base, root, _policies(steering))
    return Standing(workspace, said if changed else {}, tuple(notes), valid=older or now is not None)


@dataclass(frozen=True)
class Admitted:
    """An application and its scale that fit each other. `moved` and `passed`: sentences about counts that
    were brought into their ranges, and about keys that name nothing deployed."""

    root: ComposedLevel
    scale: ScaleState
    moved: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()


def admitted(root: ComposedLevel, scale: ScaleState, *, valid: bool) -> Admitted:
    """Make them fit, so that no update fails on what somebody is editing.

    Counts outside the ranges are brought to the nearest end. Where the ranges are not those of now (`valid`
    as in `Standing`), they give way instead: what was decided before is not taken back.
    """
    moved: list[str] = []
    passed: list[str] = []
    wider: dict[tuple[str, ...], Range] = {}
    kept: dict[str, dict[str, int]] = {"cluster": {}, "group": {}}
    for what, given in (("cluster", scale.clusters), ("group", scale.groups)):
        for text, count in given.items():
            place = find_key(text, what, root)
            if place is None:
                passed.append(f"altostratus:scale names {text!r}, which is not deployed: it is passed over")
                continue
            path, bounds = place
            if scale.overflow and what == "cluster":
                bounds = Range(min=0, max=bounds.max)
            inside = min(bounds.max, max(bounds.min, count))
            if inside != count and (valid or not (what == "cluster" or is_copied(bounds))):
                moved.append(f"{text} was {count}, but its range is {bounds} now: {inside}.")
                count = inside
            elif inside != count:
                before = wider.get(path, bounds)
                wider[path] = Range(min=min(before.min, count), max=max(before.max, count))
            kept[what][text] = count
    if moved or passed:
        scale = scale.model_copy(update={"clusters": kept["cluster"], "groups": kept["group"]})
    return Admitted(_widened(root, wider, ()) if wider else root, scale, tuple(moved), tuple(passed))


def composed_as(workspace: Workspace, root: ComposedLevel) -> Workspace:
    """The workspace with its application composed so."""
    return _Joined(workspace, root, ())


def from_texts(documents: Mapping[str, str], runtimes: Mapping[str, str]) -> Workspace:
    """A workspace of texts that were documents, and files that those place in members, by relative name."""
    found: list[Loaded] = []
    for name, text in documents.items():
        if PurePosixPath(name).suffix.lower() not in SUFFIXES:
            continue
        try:
            nodes = read_text(text, PurePosixPath(name).suffix.lower())
        except ReadError:
            continue  # a file for members that is no document
        loaded, _ = load_nodes(Source(_PLACE / name, text, nodes, asked=False))
        for each in loaded:
            _put_files(each, PurePosixPath(name).parent, documents)
        found += loaded
    return Workspace(found, runtimes=runtimes)


def _put_files(document: Loaded, folder: PurePosixPath, documents: Mapping[str, str]) -> None:
    """Files beside a document become part of it."""
    cartridge = document.model
    if not isinstance(cartridge, Cartridge):
        return
    files = []
    for file in cartridge.files:
        text = documents.get(posixpath.normpath(folder / file.source)) if file.source is not None else None
        files.append(file if text is None else file.model_copy(update={"source": None, "content": text}))
    document.model = cartridge.model_copy(update={"files": tuple(files)})


class _Joined(Workspace):
    """A workspace in which an application is composed as given."""

    def __init__(self, base: Workspace, root: ComposedLevel, policies: Iterable[Loaded]) -> None:
        super().__init__(with_library=False)
        self.documents = {**base.documents, **{(each.kind, each.name): each for each in policies}}
        self._library = base._library
        self._root = root

    def compose(self, name: str) -> ComposedLevel:
        """As given, where it is that application. Raises DocumentError."""
        return self._root if name == self._root.origin.name else super().compose(name)


def _composed(workspace: Workspace, application: str) -> ComposedLevel | None:
    try:
        return workspace.compose(application)
    except DocumentError:
        return None  # somebody renames it


def _policies(workspace: Workspace) -> list[Loaded]:
    return [each for each in workspace.documents.values() if each.kind == AutoscalingPolicy.KIND]


def _waiting(root: ComposedLevel, says: ComposedLevel) -> list[str]:
    """What waits though it is about how many: parts on one side only, and groups that change their kind."""
    here = {"/".join(path): each for path, each in root.paths()}
    there = {"/".join(path): each for path, each in says.paths()}
    waits = {
        "{} is not deployed yet": there.keys() - here.keys(),
        "{} stays until a person's update takes it away": here.keys() - there.keys(),
        "the instances of {} wait, as its members get other labels": {
            path for path in here.keys() & there.keys() if not _alike(here[path], there[path])
        },
    }
    return [text.format(_listed(sorted(paths))) for text, paths in waits.items() if paths]


def _alike(here: ComposedCluster | ComposedGroup, there: ComposedCluster | ComposedGroup) -> bool:
    """Whether a group that becomes one of several instances, or of one for ever, is neither of the two."""
    if isinstance(here, ComposedGroup) and isinstance(there, ComposedGroup):
        return is_copied(here.instances) == is_copied(there.instances)
    return type(here) is type(there)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _bounded(level: ComposedLevel, says: ComposedLevel) -> ComposedLevel:
    """The level with the bounds, policies and ratios of another, as far as both have the same parts."""
    clusters = {alias: _cluster(each, says.clusters.get(alias)) for alias, each in level.clusters.items()}
    groups = {alias: _group(each, says.groups.get(alias)) for alias, each in level.groups.items()}
    known = all(member in {*clusters, *groups} for rule in says.scaling for member in rule.members)
    return replace(level, clusters=clusters, groups=groups, scaling=says.scaling if known else level.scaling)


def _cluster(cluster: ComposedCluster, says: ComposedCluster | None) -> ComposedCluster:
    if says is None:
        return cluster
    update = {"members": says.use.members, "autoscaling": says.use.autoscaling}
    return replace(cluster, use=cluster.use.model_copy(update=update))


def _group(group: ComposedGroup, says: ComposedGroup | None) -> ComposedGroup:
    if says is None:
        return group
    instances = says.instances if _alike(group, says) else group.instances
    use = group.use.model_copy(update={"instances": instances})
    return replace(group, use=use, level=_bounded(group.level, says.level))


def _widened(
    level: ComposedLevel, ranges: Mapping[tuple[str, ...], Range], here: tuple[str, ...]
) -> ComposedLevel:
    clusters, groups = dict(level.clusters), dict(level.groups)
    for alias, cluster in level.clusters.items():
        if (found := ranges.get((*here, alias))) is not None:
            use = cluster.use.model_copy(update={"members": found})
            clusters[alias] = replace(cluster, use=use)
    for alias, group in level.groups.items():
        instances = ranges.get((*here, alias), group.instances)
        inner = _widened(group.level, ranges, (*here, alias))
        changed = group.use.model_copy(update={"instances": instances})
        groups[alias] = replace(group, use=changed, level=inner)
    return replace(level, clusters=clusters, groups=groups)
