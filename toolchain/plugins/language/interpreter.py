"""Which Python runs a program, by the options of its project file."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOOLCHAINS = ("pip", "uv")


class NoInterpreter(Exception):
    """The project's Python cannot be found; the message says how to make it."""


@dataclass(frozen=True)
class Interpreter:
    """A Python executable, and the virtual environment it belongs to, if any."""

    executable: Path
    virtualenv: Path | None

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables for a process in that environment, as `activate` would set them."""
        variables = dict(os.environ if base is None else base)
        if self.virtualenv:
            variables["VIRTUAL_ENV"] = str(self.virtualenv)
            variables["PATH"] = os.pathsep.join((str(self.executable.parent), variables.get("PATH", "")))
            variables.pop("PYTHONHOME", None)
        return variables


def virtualenv_path(root: Path, options: Mapping[str, Any], default: str = "") -> Path | None:
    """The folder of the virtual environment that the options name, whether it exists or not.

    Raises `NoInterpreter` for a toolchain that is not supported.
    """
    toolchain = str(options.get("toolchain") or "pip").lower()
    if toolchain not in TOOLCHAINS:
        raise NoInterpreter(
            f"the bundled Python language host does not support 'toolchain: {toolchain}'; it supports "
            f"{' and '.join(TOOLCHAINS)}. Set 'toolchain: pip' and 'virtualenv: FOLDER' in {root}"
        )
    named = str(options.get("virtualenv") or "") or (".venv" if toolchain == "uv" else default)
    return root / named if named else None


def find(root: Path, options: Mapping[str, Any], default: str = "") -> Interpreter:
    """The interpreter for the project in `root`.

    Without a `virtualenv` option (and no `default` for it) the Python on PATH is used, so that an
    activated environment counts. Raises `NoInterpreter`.
    """
    folder = virtualenv_path(root, options, default)
    if folder is None:
        found = shutil.which("python3") or shutil.which("python") or sys.executable
        return Interpreter(Path(found), None)
    executable = folder / "bin" / "python"
    if not executable.exists():
        raise NoInterpreter(
            f"{folder} is not a virtual environment, but the 'virtualenv' option of the project in {root} "
            f"names it. Create it with: pulumi install"
        )
    return Interpreter(executable, folder)
