"""Validation: everything wrong with a set of documents, in one report."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blueprints.checks.balancers import check_driver, check_fronts
from blueprints.checks.branches import check_branches
from blueprints.checks.files import check_files
from blueprints.checks.levels import check_levels
from blueprints.checks.links import check_links
from blueprints.checks.nearness import check_nearness
from blueprints.checks.places import check_partitions
from blueprints.checks.quotas import check_quotas
from blueprints.checks.references import check_references
from blueprints.checks.tenancy import check_signups, check_tenants
from blueprints.checks.traffic import (
    check_domain_mappings,
    check_load_balancers,
    check_node_ports,
    check_routes,
    check_shared_node_ports,
)
from blueprints.composition import CLUSTER_LIMIT, NESTING_LIMIT, ComposedLevel, Composer
from blueprints.expand import too_large
from blueprints.findings import Finding, Report
from blueprints.kinds.level import Level
from blueprints.workspace import Workspace


def validate(paths: Iterable[str | Path]) -> Report:
    """Check files and folders of documents, each by itself and all against each other.

    Never raises on what the files hold; every fault is a finding in the report.
    """
    with _no_garbage_collection():
        workspace, findings, files = Workspace.read(paths)
        if not files:
            findings.append(
                Finding("ALT1011", "there are no documents to read", hint="Name files or folders.")
            )
        return report(workspace, findings, files)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Trees of documents hold no cycles, so looking for them while they grow is a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def report(workspace: Workspace, findings: Iterable[Finding] = (), files: int = 0) -> Report:
    """Check the documents of a workspace against each other, and add the findings of reading them."""
    found = [*findings, *check(workspace)]
    ordered = sorted(dict.fromkeys(found), key=lambda f: (f.file, f.line, f.column, f.code, f.message))
    return Report(tuple(ordered), len(workspace.documents), files, workspace)


def check(workspace: Workspace) -> Iterator[Finding]:
    """Everything wrong between the parts of documents, and between documents."""
    documents = list(workspace.documents.values())
    for copy, first in workspace.duplicates:
        yield copy.finding(
            "ALT1201",
            f"another {copy.kind} is named {copy.name!r} already, in {first.source.name}:{first.node.line}",
            ("name",),
            hint="Give it another name, or remove one of them.",
        )
    for document in documents:
        yield from check_levels(document)
        yield from check_references(document, workspace)
        yield from check_partitions(document, workspace)
        yield from check_load_balancers(document, workspace)
        yield from check_driver(document)
        yield from check_files(document)
    roots: dict[str, ComposedLevel] = {}
    composer = Composer(workspace)
    for document in documents:
        if isinstance(document.model, Level):
            level = composer.compose(document)
            if document.kind == "Application":
                roots[document.name] = level
    for origin, place, cycle in composer.cycles:
        yield origin.finding(
            "ALT1203",
            f"groups contain each other: {' → '.join(cycle)}",
            place,
            hint="Take one of these references out.",
        )
    for origin, place in composer.too_deep:
        yield origin.finding(
            "ALT1220", f"named groups are nested more than {NESTING_LIMIT} deep, or too often", place
        )
    for root in roots.values():
        if root.size > CLUSTER_LIMIT:
            yield too_large(root)
            continue
        yield from check_branches(root, workspace)
        yield from check_links(root)
        yield from check_routes(root, workspace)
        yield from check_fronts(root, workspace)
        yield from check_node_ports(root)
    yield from check_shared_node_ports(r for r in roots.values() if r.size <= CLUSTER_LIMIT)
    yield from check_nearness({n: r for n, r in roots.items() if r.size <= CLUSTER_LIMIT}, workspace)
    small = {name: root for name, root in roots.items() if root.size <= CLUSTER_LIMIT}
    yield from check_domain_mappings(documents, small)
    yield from check_quotas(workspace, small)
    yield from check_tenants(documents, workspace, small)
    yield from check_signups(documents, workspace, small)
