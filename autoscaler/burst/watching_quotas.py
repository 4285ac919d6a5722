"""Quotas of deployment policies over all applications that are watched. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.act.app_stack import PREFIX, SEPARATOR
from autoscaler.burst.watching_copies import by_load
from autoscaler.loop.application_loop import ApplicationLoop
from policies.placement.quotas import Wish, shared_out

Most = dict[str, int]


@dataclass(frozen=True)
class Quotas:
    """What quotas leave.

    alone: by stack, the most members by path, and a sentence for each cluster that wants more. together: the
    same by application and path where copies share, and most, of all; reasons: the sentences, by application.
    """

    alone: Mapping[str, tuple[Most, tuple[str, ...]]] = field(default_factory=dict)
    together: Mapping[tuple[str, str], int] = field(default_factory=dict)
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    most: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass
class _Cluster:
    """One cluster over all copies of its application."""

    policy: str
    quota: int
    least: int = 0
    now: int = 0
    wanted: int = 0
    by_load: bool = False


def under_quotas(loops: Mapping[str, ApplicationLoop], asked: Mapping[str, Mapping[str, int]]) -> Quotas:
    """`asked`: what the copies of an application want together, by application and path.

    Several autoscalers that share the stacks all look at all of them, with the same counts from the same
    config files: so each comes to the same division by itself. Where one sees other wishes for a moment the
    quota can be passed for that moment; the next look takes back.
    """
    found = _clusters(loops, asked)
    by_policy: dict[str, list[tuple[str, str]]] = {}
    for key, cluster in found.items():
        by_policy.setdefault(cluster.policy, []).append(key)
    most: dict[tuple[str, str], int] = {}
    reasons: dict[str, tuple[str, ...]] = {}
    for policy, keys in by_policy.items():
        quota = min(found[key].quota for key in keys)
        wishes = [Wish(*key, found[key].least, found[key].now, found[key].wanted) for key in keys]
        for key, given in shared_out(quota, wishes).items():
            if not found[key].by_load:
                continue
            most[key] = max(given, found[key].least)
            if missing := found[key].wanted - most[key]:
                others = sum(found[each].now for each in keys if each[0] != key[0])
                text = (
                    f"{missing} of {found[key].wanted} members of {key[1]} wait for the quota of {policy}: "
                    f"{quota} members over all applications, of which others have {others}."
                )
                reasons[key[0]] = (*reasons.get(key[0], ()), text)
    together = {key: bound for key, bound in most.items() if key[1] in asked.get(key[0], {})}
    alone: dict[str, tuple[Most, tuple[str, ...]]] = {}
    for stack, loop in loops.items():
        if loop.view is None or loop.view.beside:
            continue
        name = _application(stack)
        mine = {path: n for (app, path), n in most.items() if app == name and (app, path) not in together}
        if mine:
            alone[stack] = (mine, reasons.get(name, ()) if name not in asked else ())
    return Quotas(alone, together, reasons, most)


def _clusters(
    loops: Mapping[str, ApplicationLoop], asked: Mapping[str, Mapping[str, int]]
) -> dict[tuple[str, str], _Cluster]:
    found: dict[tuple[str, str], _Cluster] = {}
    for stack, loop in loops.items():
        view = loop.view
        if view is None or view.placing is None:
            continue
        name, considered = _application(stack), loop.considered
        scaled = set(by_load(loop))
        for path, cluster in view.clusters.items():
            rules = view.placing.demands[cluster.copies[0].id].rules if cluster.copies else None
            if rules is None or rules.quota is None:
                continue
            each = found.setdefault((name, path), _Cluster(rules.name, rules.quota))
            each.now += cluster.members
            if view.beside:
                continue  # the home's loop wants for them as well
            each.least += cluster.bounds.min * len(cluster.copies)
            wanted = considered.wanted.get(path) if considered is not None and path in scaled else None
            each.wanted += cluster.members if wanted is None else wanted
            each.by_load = each.by_load or path in scaled
    for (name, path), each in found.items():
        each.wanted = max(each.least, asked.get(name, {}).get(path, each.wanted))
        if not each.by_load:
            # People set these counts: they use the quota up, and stay.
            each.least = max(each.least, each.now)
            each.wanted = max(each.wanted, each.least)
    return found


def _application(stack: str) -> str:
    return stack.removeprefix(PREFIX).partition(SEPARATOR)[0]
