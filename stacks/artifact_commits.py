"""Which commits the branches of an application's artifacts are at, so that going back can name them.

Asked on a person's update only, of repositories that need no credentials, for a few seconds at most: a
repository that does not answer stops no update, it only cannot be gone back to by commit.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from blueprints.kinds.cartridge_use import Artifact
from blueprints.plan import Plan

PATIENCE = 4.0
"""Seconds for one repository."""

AUTOMATIC = "ALTO_SCALE_AT_ONCE"
"""The environment variable by which an update that no person asked for is known."""

_SYSTEM = Path("/etc/ssl/certs/ca-certificates.crt")


def followed(plan: Plan) -> dict[str, Artifact]:
    """The branches that artifacts follow, by `address#branch`."""
    return {
        key(cluster.artifact): cluster.artifact
        for cluster in plan.clusters.values()
        if cluster.artifact is not None and cluster.artifact.git is not None and not cluster.artifact.commit
    }


def key(artifact: Artifact) -> str:
    """What a followed branch is known by."""
    return f"{artifact.git}#{artifact.branch or 'HEAD'}"


def heads(
    artifacts: Iterable[Artifact], authority: str, mirrors: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The commits that branches are at now, as far as can be known; `authority` (PEM) is trusted, too.

    `mirrors`: addresses to ask instead, by the address that documents give.
    """
    asked = [a for a in artifacts if a.git and a.git.startswith("https://") and a.credentials is None]
    if not asked or os.environ.get(AUTOMATIC):
        return {}
    with tempfile.NamedTemporaryFile("w", suffix=".crt") as trusted:
        trusted.write((_SYSTEM.read_text() if _SYSTEM.exists() else "") + authority)
        trusted.flush()
        with ThreadPoolExecutor(8) as workers:
            addresses = [(mirrors or {}).get(str(each.git), str(each.git)) for each in asked]
            found = list(workers.map(partial(_head, trusted.name), asked, addresses))
    return {key(artifact): head for artifact, head in zip(asked, found, strict=True) if head}


def _head(authorities: str, artifact: Artifact, address: str) -> str:
    reference = f"refs/heads/{artifact.branch}" if artifact.branch else "HEAD"
    environment = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_SSL_CAINFO": authorities,
    }
    try:
        answer = subprocess.run(
            ["git", "ls-remote", "--", address, reference],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    first = answer.stdout.split(maxsplit=1)
    return first[0] if answer.returncode == 0 and first and len(first[0]) in (40, 64) else ""


def at_commits(plan: Plan, commits: Mapping[str, str]) -> Plan:
    """The plan with followed branches held at given commits."""
    clusters = dict(plan.clusters)
    for id, cluster in plan.clusters.items():
        artifact = cluster.artifact
        if artifact is None or artifact.git is None or artifact.commit or key(artifact) not in commits:
            continue
        held = artifact.model_copy(update={"commit": commits[key(artifact)], "branch": None})
        clusters[id] = replace(cluster, artifact=held)
    return replace(plan, clusters=clusters)
