"""Checks of what deployment policies keep members close to: it must be in the applications that use them."""

from collections.abc import Iterator, Mapping

from blueprints.composition import ComposedCluster, ComposedLevel
from blueprints.findings import Finding
from blueprints.kinds.application import Application
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.nearest import nearest
from blueprints.workspace import Workspace

_SHOWN = 200


def check_nearness(roots: Mapping[str, ComposedLevel], workspace: Workspace) -> Iterator[Finding]:
    """Paths under `near` that name nothing in any application, or not in all that use the policy."""
    users: dict[str, list[str]] = {}
    for name, root in roots.items():
        for policy in _policies(root):
            users.setdefault(policy, []).append(name)
    for document in list(workspace.documents.values()):
        model = document.model
        if not isinstance(model, DeploymentPolicy) or not model.near or model.name not in users:
            continue
        seen = {name: _names(roots[name]) for name in users[model.name]}
        for index, path in enumerate(model.near):
            without = [name for name, names in seen.items() if path not in names]
            if not without:
                continue
            known = tuple(dict.fromkeys(each for name in without for each in sorted(seen[name])))[:_SHOWN]
            close = nearest(path, known)
            yield document.finding(
                "ALT1213",
                f"no cluster or group {path!r} is in {', '.join(without)}, where this policy is used",
                ("near", index),
                allowed=known,
                nearest=close,
                hint=f"Did you mean {close!r}?" if close else "",
                severity="error" if len(without) == len(seen) else "warning",
            )


def _policies(root: ComposedLevel) -> set[str]:
    model = root.origin.model
    found = {model.deployment} if isinstance(model, Application) and model.deployment else set()
    return found | {child.use.deployment for _, child in root.paths() if child.use.deployment}


def _names(root: ComposedLevel) -> set[str]:
    """Every path of aliases, and the aliases of clusters, by which placement finds them."""
    found: set[str] = set()
    for path, child in root.paths():
        found.add("/".join(path))
        if isinstance(child, ComposedCluster):
            found.add(child.alias)
    return found
