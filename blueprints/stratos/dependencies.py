"""Startup orders, scaling dependents and termination behaviour of a Stratos group or application."""

from collections.abc import Callable
from typing import Any

from blueprints.order import find_cycle, predecessors
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport

_BEHAVIOURS = {"terminate-none": "none", "terminate-dependents": "dependents", "terminate-all": "all"}


def dependencies(
    holder: Record, translate: Callable[[str], str], subject: str, report: ImportReport
) -> dict[str, Any]:
    """`startup`, `scaling` and `termination` of a level.

    `translate` gives our alias for theirs, without its `cartridge.` or `group.`, and nothing
    for what is not a direct child.
    """
    record = holder.record("dependencies")
    if record is None:
        return {}
    found: dict[str, Any] = {}
    startup = _startup(record, translate, subject, report)
    if startup:
        found["startup"] = startup
    scaling = _scaling(record, translate, subject, report)
    if scaling:
        found["scaling"] = scaling
    behaviour = record.text("terminationBehaviour") or record.text("terminationBehavior")
    if behaviour in _BEHAVIOURS:
        if _BEHAVIOURS[behaviour] != "none":
            found["termination"] = _BEHAVIOURS[behaviour]
    elif behaviour:
        report.add(
            "changed", record.file, record.line_of("terminationBehaviour"), subject,
            f"terminationBehaviour {behaviour!r} is unknown, and becomes none",
        )  # fmt: skip
    return found


def _chain(
    entry: Record, translate: Callable[[str], str], what: str, subject: str, report: ImportReport
) -> list[str]:
    chain: list[str] = []
    for text, line in entry.texts("aliases"):
        if "," in text:
            report.add(
                "changed", entry.file, line, subject, f"{text!r} in {what} is taken as several aliases"
            )
        for part in text.split(","):
            plain = part.strip()
            for prefix in ("cartridge.", "group."):
                plain = plain.removeprefix(prefix)
            if not plain:
                continue
            alias = translate(plain)
            if not alias:
                report.add(
                    "not carried over", entry.file, line, subject,
                    f"{part.strip()!r} in {what} is not a direct child of this level",
                )  # fmt: skip
            elif alias not in chain:
                chain.append(alias)
    return chain


def _startup(
    record: Record, translate: Callable[[str], str], subject: str, report: ImportReport
) -> list[list[str]]:
    chains: list[list[str]] = []
    for entry in record.records("startupOrders"):
        chain = _chain(entry, translate, "a startup order", subject, report)
        if len(chain) < 2 or chain in chains:
            continue
        cycle = find_cycle(predecessors([*chains, chain]))
        if cycle:
            report.add(
                "not carried over", entry.file, entry.line, subject,
                f"the startup order {' → '.join(chain)}, which closes the cycle {' → '.join(cycle)}",
            )  # fmt: skip
            continue
        chains.append(chain)
    return chains


def _scaling(
    record: Record, translate: Callable[[str], str], subject: str, report: ImportReport
) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    owned: set[str] = set()
    for entry in record.records("scalingDependents"):
        members = _chain(entry, translate, "scaling dependents", subject, report)
        fresh = [alias for alias in members if alias not in owned]
        if len(fresh) < len(members):
            report.add(
                "changed", entry.file, entry.line, subject,
                "an alias in two lists of scaling dependents stays in the first, as it did in Stratos",
            )  # fmt: skip
        if 2 <= len(fresh) <= 10:
            owned.update(fresh)
            rules.append({"members": fresh})
        elif fresh:
            report.add(
                "not carried over", entry.file, entry.line, subject,
                f"scaling dependents with {len(fresh)} members; a rule has 2 to 10",
            )  # fmt: skip
    return rules
