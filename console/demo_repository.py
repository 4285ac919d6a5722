"""The demo's git repository: the sample PHP application, committed into a bare repository."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from console.errors import ConsoleError
from toolchain import debian, paths

BRANCH = "main"
# Fixed author and dates give one commit id for one content: a second demo changes nothing.
IDENTITY = {
    "GIT_AUTHOR_NAME": "Altostratus",
    "GIT_AUTHOR_EMAIL": "demo@altostratus.example",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Altostratus",
    "GIT_COMMITTER_EMAIL": "demo@altostratus.example",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def path(cloud: str) -> Path:
    """Where the bare repositories of a cloud's demo live."""
    return paths.home() / "demo" / cloud


def ensure(cloud: str, application: Path, name: str) -> Path:
    """`<home>/demo/<cloud>/<name>.git` with the application's files on `main`; made once, kept as it is.

    A repository that is there is left alone: it may hold commits that its user pushed.
    """
    bare = path(cloud) / f"{name}.git"
    if bare.exists():
        return bare
    if shutil.which("git") is None:
        if not debian.can_install():
            raise ConsoleError("git is not installed", "Install git and run again.")
        debian.install(("git",))
    bare.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bare.parent, prefix=".making-") as temporary:
        work, made = Path(temporary) / "work", Path(temporary) / "bare.git"
        shutil.copytree(application, work)
        _git(work, "init", "--quiet", f"--initial-branch={BRANCH}")
        _git(work, "add", "--all")
        _git(work, "commit", "--quiet", "--message", "The hello application")
        _git(work, "clone", "--quiet", "--bare", str(work), str(made))
        _git(made, "remote", "remove", "origin")
        made.rename(bare)
    return bare


def _git(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConsoleError(f"git {arguments[0]} failed in {folder}: {done.stderr.strip()}")
