"""Dependent scaling: clusters and groups that keep a proportion grow together. Pure.

For demands dᵢ and ratio parts rᵢ the factor is f = max(dᵢ / rᵢ), and each member of the rule
gets max(dᵢ, ⌈f · rᵢ⌉), kept inside its own range. Nothing ever shrinks below its own demand,
so a rule alone never takes members away that something else asked for.
"""

from collections.abc import Mapping
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


def follow_level(level: PlannedLevel, demand: Mapping[str, int]) -> dict[str, int]:
    """The counts of all children of a level after its rules, by alias."""
    bounds = {alias: child.bounds for alias, child in level.children.items()}
    counts = {alias: demand.get(alias, bounds[alias].min) for alias in bounds}
    for rule in level.scaling:
        counts |= apply_ratio(counts, rule, bounds).counts
    return counts


def with_dependents(plan: Plan, scale: ScaleState) -> ScaleState:
    """The scale with everything raised that has to follow, level by level and copy by copy.

    Only what differs from the plan is added, under the path of its own copy. The plan must be
    the expansion of `scale`; groups that gain instances here start them at their minimums.
    """
    clusters, groups = dict(scale.clusters), dict(scale.groups)
    for level in plan.levels.values():
        if not level.scaling:
            continue
        now = {
            alias: plan.clusters[child.ids[0]].members if child.kind == "cluster" else len(child.ids)
            for alias, child in level.children.items()
        }
        for alias, count in follow_level(level, now).items():
            if count == now[alias]:
                continue
            key = f"{level.id}/{alias}" if level.id else alias
            (clusters if level.children[alias].kind == "cluster" else groups)[key] = count
    return scale.model_copy(update={"clusters": clusters, "groups": groups})
