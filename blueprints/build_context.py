"""Build contexts for what brings no Dockerfile: detected code, set-up scripts, and folders of content.

The content of a context follows from its sources alone, so that an image is made again only when
they change. Links stay links: nothing outside a folder gets into an image by one.
"""

import hashlib
import json
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from blueprints.detection import APPLICATION_PATH, runtime_of
from blueprints.findings import DocumentError, Finding
from blueprints.kinds.containers import Container
from blueprints.kinds.runtime import Code, Setup
from blueprints.workspace import LIBRARY, library

CONTENT_PATH = "/opt/altostratus/artifact"
"""Where an artifact's image keeps `content`, the folder's files, and `state`, what they are."""

_SETUP = """\
ARG BASE
FROM ${{BASE}}
RUN apt-get update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ca-certificates{packages} \\
 && rm -rf /var/lib/apt/lists/*
COPY files/ /opt/setup/
RUN cd /opt/setup && sh -eu {script}
"""

_CODE = """\
{environment}USER 0
RUN rm -rf {path}
COPY application/ {path}/
USER {user}
WORKDIR {path}
"""

_CONTENT = f"""\
ARG BASE
FROM ${{BASE}}
COPY artifact/ {CONTENT_PATH}/
USER 65534:65534
"""

IGNORED = frozenset({".git", ".venv", "__pycache__", ".DS_Store"})
"""Names that never go into an image."""


def prepare(container: Container, folder: Path, into: Path) -> Path | None:
    """Write the build context of a container with `code` or `setup` into an empty folder.

    `folder` is where the document's relative paths start. The context's Dockerfile takes the
    build argument BASE. Nothing for other containers. Raises DocumentError.
    """
    if container.code is not None:
        _code(container.code, folder, into)
    elif container.setup is not None:
        _setup(container.setup, folder, into)
    else:
        return None
    return into


def prepare_content(source: Path, into: Path) -> Path:
    """Write the build context of an image that holds nothing but a folder's files. Raises DocumentError."""
    into.mkdir(parents=True, exist_ok=True)
    _copy(source, into / "artifact" / "content")
    (into / "artifact" / "state").mkdir()
    for name, text in (("url", source.name), ("commit", _digest(into / "artifact" / "content"))):
        (into / "artifact" / "state" / name).write_text(f"{text}\n", encoding="utf-8")
    (into / "Dockerfile").write_text(_CONTENT, encoding="utf-8")
    return into


def _digest(folder: Path) -> str:
    """Forty digits over a folder's files: what a member takes for the commit it serves."""
    total = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()):
        total.update(f"{path.relative_to(folder)}\0".encode())
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:40]


def _code(code: Code, folder: Path, into: Path) -> None:
    source = folder / code.path
    runtime = runtime_of(code, folder)
    shutil.copytree(LIBRARY / runtime, into, dirs_exist_ok=True)
    _copy(source, into / "application")
    recipe = (into / "Dockerfile").read_text(encoding="utf-8")
    user = next(line.split()[1] for line in recipe.splitlines() if line.startswith("USER "))
    recipe += _CODE.format(path=APPLICATION_PATH, user=user, environment=_environment(runtime))
    if code.start:
        recipe += f"ENTRYPOINT {json.dumps(list(code.start))}\n"
    (into / "Dockerfile").write_text(recipe, encoding="utf-8")


def _environment(runtime: str) -> str:
    """What the runtime's own cartridge sets, so that a bare container of its image has it too."""
    given = getattr(library()["Cartridge", runtime].model, "environment", {})
    plain = {name: value for name, value in given.items() if isinstance(value, str)}
    return "".join(f"ENV {name}={json.dumps(value)}\n" for name, value in plain.items())


def _setup(setup: Setup, folder: Path, into: Path) -> None:
    source = folder / setup.context
    script = (folder / setup.script).resolve()
    if not script.is_relative_to(source.resolve()):
        raise DocumentError(
            [
                Finding(
                    "ALT1214",
                    f"the script {setup.script} is outside the context {setup.context}",
                    hint="Put the script into the context, or make the context wider.",
                )
            ]
        )
    into.mkdir(parents=True, exist_ok=True)
    _copy(source, into / "files")
    packages = "".join(f" {name}" for name in setup.packages)
    shown = _shell_quoted(script.relative_to(source.resolve()).as_posix())
    (into / "Dockerfile").write_text(_SETUP.format(packages=packages, script=shown), encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    """A folder's files and links, readable by every user whatever they were. Raises DocumentError."""
    try:
        shutil.copytree(source, target, symlinks=True, ignore=_ignored)
        for path in (target, *target.rglob("*")):
            if not path.is_symlink():
                mode = stat.S_IMODE(path.stat().st_mode) | 0o444
                path.chmod(mode | 0o111 if path.is_dir() or mode & 0o100 else mode)
    except OSError as error:
        raise DocumentError(
            [
                Finding(
                    "ALT1214",
                    f"{error.filename or source} cannot be put into an image: {error.strerror or error}",
                    hint="An image takes files, folders and links that this user may read.",
                )
            ]
        ) from error


def _ignored(folder: str, names: Iterable[str]) -> set[str]:
    """What stays outside: what is nobody's source, and what is no file at all, such as a socket."""
    found = set()
    for name in names:
        mode = (Path(folder) / name).lstat().st_mode
        if name in IGNORED or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            found.add(name)
    return found


def _shell_quoted(text: str) -> str:
    """A path as one word of a shell command in a Dockerfile."""
    if "\n" in text:
        raise DocumentError([Finding("ALT1214", f"{text!r} cannot be the name of a script")])
    return "'" + text.replace("'", "'\"'\"'") + "'"
