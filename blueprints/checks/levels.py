"""Checks of one level by itself: aliases, startup order, scaling rules."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from blueprints.composition import DocumentPath
from blueprints.findings import Finding
from blueprints.kinds.level import GroupUse, Level
from blueprints.loader import Loaded
from blueprints.nearest import nearest
from blueprints.order import find_cycle, predecessors


def levels_of(document: Loaded) -> Iterator[tuple[DocumentPath, Level]]:
    """The level a document is, and every level written inside it, with their places."""
    if isinstance(document.model, Level):
        pending: list[tuple[DocumentPath, Level]] = [((), document.model)]
        while pending:
            place, level = pending.pop()
            if not isinstance(level, GroupUse) or level.group is None:
                yield place, level
            pending += [((*place, "groups", i), group) for i, group in enumerate(level.groups)]


def check_levels(document: Loaded) -> Iterator[Finding]:
    """Everything wrong inside the levels of one document."""
    for place, level in levels_of(document):
        if not level.cartridges and not level.groups:
            yield document.finding(
                "ALT1216",
                "this level has neither cartridges nor groups",
                place,
                value="",
                hint="Add cartridges: [{alias: web, cartridge: php}].",
            )
        yield from _aliases(document, place, level)
        yield from _startup(document, place, level)
        yield from _scaling(document, place, level)


def _aliases(document: Loaded, place: DocumentPath, level: Level) -> Iterator[Finding]:
    first: dict[str, DocumentPath] = {}
    members = [((*place, "cartridges", i, "alias"), c.alias) for i, c in enumerate(level.cartridges)]
    members += [((*place, "groups", i, "alias"), g.alias) for i, g in enumerate(level.groups)]
    for where, alias in members:
        if alias in first:
            line = document.node.find(first[alias]).line
            yield document.finding(
                "ALT1204",
                f"the alias {alias!r} is already taken in this level, on line {line}",
                where,
                hint="Give every cluster and group of a level its own alias.",
            )
        first.setdefault(alias, where)


def _direct(level: Level) -> list[str]:
    return [*(c.alias for c in level.cartridges), *(g.alias for g in level.groups)]


def _not_a_child(
    document: Loaded, where: DocumentPath, alias: str, level: Level, known: Sequence[str]
) -> Finding:
    close = nearest(alias, known)
    deeper = _holder(level, alias)
    if deeper:
        hint = f"{alias!r} is inside the group {deeper!r}: name the group, or put the rule into the group."
    elif close:
        hint = f"Did you mean {close!r}?"
    else:
        hint = f"This level has {', '.join(known) or 'no children'}."
    return document.finding(
        "ALT1205",
        f"{alias!r} is not a direct child of this level",
        where,
        allowed=tuple(known),
        nearest="" if deeper else close,
        hint=hint,
    )


def _holder(level: Level, alias: str) -> str:
    """The direct child group inside which, at any depth, the alias is written."""
    for group in level.groups:
        pending: list[Level] = [group]
        while pending:
            inner = pending.pop()
            if alias in _direct(inner):
                return group.alias
            pending += inner.groups
    return ""


def _startup(document: Loaded, place: DocumentPath, level: Level) -> Iterator[Finding]:
    known = _direct(level)
    for number, chain in enumerate(level.startup):
        for index, alias in enumerate(chain):
            where = (*place, "startup", number, index)
            if alias not in known:
                yield _not_a_child(document, where, alias, level, known)
            elif alias in chain[:index]:
                yield document.finding(
                    "ALT1206", f"{alias!r} stands twice in one chain, so it would wait for itself", where
                )
    chains = [chain for chain in level.startup if len(set(chain)) == len(chain)]
    cycle = find_cycle(predecessors(chains))
    if cycle:
        where = next(
            (*place, "startup", number)
            for number, chain in enumerate(level.startup)
            if any(pair == cycle[-2:] for pair in pairwise(chain))
        )
        yield document.finding(
            "ALT1206",
            f"the startup order is a cycle: {' → '.join(cycle)}",
            where,
            value=" → ".join(cycle),
            hint="Take one of these steps out; whoever only needs another's address can name it under uses.",
        )


def _scaling(document: Loaded, place: DocumentPath, level: Level) -> Iterator[Finding]:
    known = _direct(level)
    owner: dict[str, int] = {}
    for number, rule in enumerate(level.scaling):
        for index, alias in enumerate(rule.members):
            where = (*place, "scaling", number, "members", index)
            if alias not in known:
                yield _not_a_child(document, where, alias, level, known)
            elif alias in rule.members[:index]:
                yield document.finding("ALT1207", f"{alias!r} stands twice in one rule", where)
            elif alias in owner:
                yield document.finding(
                    "ALT1207",
                    f"{alias!r} already follows scaling[{owner[alias]}]",
                    where,
                    hint="Put all that keep a proportion into one rule.",
                )
        for alias in rule.members:
            owner.setdefault(alias, number)
