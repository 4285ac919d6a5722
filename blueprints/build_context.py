"""Build contexts for containers that bring no Dockerfile: detected code, and set-up scripts.

Detected code is put on top of the built-in cartridge of its runtime. The content of a context
follows from its sources alone, so that an image is built again only when they change.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from blueprints.findings import DocumentError, Finding
from blueprints.kinds.containers import Container
from blueprints.kinds.runtime import Code, Setup
from blueprints.workspace import LIBRARY

APPLICATION_PATH = "/var/www/app"

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
USER 0
RUN rm -rf {path}
COPY application/ {path}/
USER {user}
"""

_IGNORED = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".DS_Store")


def detect_runtime(folder: Path) -> str:
    """The runtime of a folder of code: python, node, php or static. Raises DocumentError."""
    marks: tuple[tuple[str, Callable[[Path], bool]], ...] = (
        ("node", lambda f: (f / "package.json").is_file() or (f / "server.js").is_file()),
        ("php", lambda f: any((f / n).is_file() for n in ("composer.json", "index.php", "public/index.php"))),
        (
            "python",
            lambda f: any((f / n).is_file() for n in ("requirements.txt", "pyproject.toml", "app.py")),
        ),
        ("static", lambda f: (f / "index.html").is_file()),
    )
    for runtime, found in marks:
        if found(folder):
            return runtime
    raise DocumentError(
        [
            Finding(
                "ALT1214",
                f"no runtime is recognised in {folder}",
                allowed=tuple(name for name, _ in marks),
                hint="Add package.json, index.php, app.py or index.html, or name it: code: {runtime: ...}.",
            )
        ]
    )


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


def _code(code: Code, folder: Path, into: Path) -> None:
    source = folder / code.path
    runtime = code.runtime if code.runtime != "auto" else detect_runtime(source)
    shutil.copytree(LIBRARY / runtime, into, dirs_exist_ok=True)
    shutil.copytree(source, into / "application", ignore=_IGNORED)
    recipe = (into / "Dockerfile").read_text(encoding="utf-8")
    user = next(line.split()[1] for line in recipe.splitlines() if line.startswith("USER "))
    recipe += _CODE.format(path=APPLICATION_PATH, user=user)
    (into / "Dockerfile").write_text(recipe, encoding="utf-8")


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
    shutil.copytree(source, into / "files", ignore=_IGNORED)
    packages = "".join(f" {name}" for name in setup.packages)
    shown = _shell_quoted(script.relative_to(source.resolve()).as_posix())
    (into / "Dockerfile").write_text(_SETUP.format(packages=packages, script=shown), encoding="utf-8")


def _shell_quoted(text: str) -> str:
    """A path as one word of a shell command in a Dockerfile."""
    if "\n" in text:
        raise DocumentError([Finding("ALT1214", f"{text!r} cannot be the name of a script")])
    return "'" + text.replace("'", "'\"'\"'") + "'"
