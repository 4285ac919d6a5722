"""Dependent scaling: clusters and groups that keep a proportion grow together. Pure.

For demands dᵢ and ratio parts rᵢ the factor is f = max(dᵢ / rᵢ), and each member of the rule
gets max(dᵢ, ⌈f · rᵢ⌉), kept inside its own range. Nothing ever shrinks below its own demand,
so a rule alone never takes members away that something else asked for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from blueprints.kinds.cartridge_use import Range
from blueprints.plan import Plan, PlannedLevel, PlannedScaling
from blueprints.scale import ScaleState


@dataclass(frozen=True, slots=True)
class Followed:
    """What a rule made of the demands."""

    counts: Mapping[str, int]
    """Members or instances by alias."""
    leader: str
    """The alias that asked for the most, measured by its part."""
    limited: tuple[str, ...]
    """Those whose maximum is under what the proportion asks for."""


def apply_ratio(demand: Mapping[str, int], rule: PlannedScaling, bounds: Mapping[str, Range]) -> Followed:
    """The counts of a rule's members, given what each asks for by itself.

    `demand` counts members or instances by alias; an alias it lacks asks for its minimum.
    """
    asked = {alias: demand.get(alias, bounds[alias].min) for alias in rule.members}
    parts = dict(zip(rule.members, rule.ratio, strict=True))
    leader = max(rule.members, key=lambda alias: Fraction(asked[alias], parts[alias]))
    factor = Fraction(asked[leader], parts[leader])
    counts: dict[str, int] = {}
    limited: list[str] = []
    for alias in rule.members:
        wanted = max(asked[alias], ceil(factor * parts[alias]))
        if wanted > bounds[alias].max:
            limited.append(alias)
        counts[alias] = min(max(wanted, bounds[alias].min), bounds[alias].max)
    return Followed(counts, leader, tuple(limited))


def follow_level(
    level: PlannedLevel, demand: Mapping[str, int], leaders: Collection[str] | None = None
) -> dict[str, int]:
    """The counts of all children of a level after its rules, by alias.

    With `leaders` (aliases), only rules of which one of them, or one that followed them, is a member:
    what followed before is no demand of its own, and would pull its leader along by rounding.
    """
    bounds = {alias: child.bounds for alias, child in level.children.items()}
    counts = {alias: demand.get(alias, bounds[alias].min) for alias in bounds}
    leading = set(bounds if leaders is None else leaders)
    for rule in level.scaling:
        if leading.isdisjoint(rule.members):
            continue
        after = apply_ratio(counts, rule, bounds).counts
        leading |= {alias for alias in rule.members if after[alias] != counts[alias]}
        counts |= after
    return counts


def with_dependents(plan: Plan, scale: ScaleState, changed: Collection[str] | None = None) -> ScaleState:
    """The scale with everything raised that has to follow, level by level and copy by copy.

    Only what differs from the plan is added, under the path of its own copy. The plan must be
    the expansion of `scale`; groups that gain instances here start them at their minimums.
    With `changed` (keys of single copies, such as `search.1/engine`), only what follows those.
    """
    clusters, groups = dict(scale.clusters), dict(scale.groups)
    for level in plan.levels.values():
        if not level.scaling:
            continue
        now = {alias: _count(plan, level, alias) for alias in level.children}
        leaders = None if changed is None else {a for a in now if key_of(level, a) in changed}
        for alias, count in follow_level(level, now, leaders).items():
            if count != now[alias]:
                table = clusters if level.children[alias].kind == "cluster" else groups
                table[key_of(level, alias)] = count
    return scale.model_copy(update={"clusters": clusters, "groups": groups})


def key_of(level: PlannedLevel, alias: str) -> str:
    """The key of a child of a level in a scale: it names this copy alone."""
    return f"{level.id}/{alias}" if level.id else alias


def released(plan: Plan, scale: ScaleState, changed: Collection[str]) -> ScaleState:
    """The scale without what only followed something in `changed` (keys of single copies): followers that
    stand, in the plan of before, exactly where the proportion has put them.

    Who shrinks a leader wants its followers to shrink, too; what somebody asked for beyond stays.
    """
    clusters, groups = dict(scale.clusters), dict(scale.groups)
    for level in plan.levels.values():
        for rule in level.scaling:
            keys = {alias: key_of(level, alias) for alias in rule.members}
            now = {alias: _count(plan, level, alias) for alias in rule.members}
            leaders = {alias: now[alias] for alias in rule.members if keys[alias] in changed}
            if not leaders:
                continue
            bounds = {alias: level.children[alias].bounds for alias in rule.members}
            put = apply_ratio(leaders, rule, bounds).counts
            for alias in rule.members:
                if alias not in leaders and now[alias] == put[alias]:
                    table = clusters if level.children[alias].kind == "cluster" else groups
                    table.pop(keys[alias], None)
    return scale.model_copy(update={"clusters": clusters, "groups": groups})


def counts(plan: Plan) -> dict[str, int]:
    """Members of every cluster and instances of every group, by the key of its own copy."""
    return {
        key_of(level, alias): _count(plan, level, alias)
        for level in plan.levels.values()
        for alias in level.children
    }


def _count(plan: Plan, level: PlannedLevel, alias: str) -> int:
    child = level.children[alias]
    return plan.clusters[child.ids[0]].members if child.kind == "cluster" else len(child.ids)
