"""A build's context: which files it has, their digest, and the archive for the engine."""

import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from toolchain.plugins.docker.ignore import IgnoreRules
from toolchain.plugins.protocol import Failure

IGNORE_FILE = ".dockerignore"
OUTSIDE_NAME = ".dockerfile.outside"  # what a Dockerfile from outside the context is called inside


@dataclass(frozen=True)
class BuildContext:
    """A folder and the Dockerfile to build it with, which may lie outside."""

    folder: Path
    dockerfile: Path

    @classmethod
    def of(cls, context: str | None, dockerfile: str | None) -> "BuildContext":
        """From the inputs `build.context` and `build.dockerfile`, with the vendor's defaults.

        Raises `Failure` where either is not there.
        """
        folder = Path(context or ".")
        if str(folder).startswith(("http:/", "https:/", "git@", "git:/")):
            raise Failure(f"the build context {context} is remote; only folders are supported")
        if not folder.is_dir():
            raise Failure(f"the build context {folder} is not a folder")
        file = Path(dockerfile) if dockerfile else folder / "Dockerfile"
        if not file.is_file():
            inside = folder / file
            hint = f"; did you mean {inside}?" if dockerfile and inside.is_file() else ""
            raise Failure(f"the Dockerfile {file} is not a file{hint}")
        return cls(folder, file)

    @cached_property
    def inside_name(self) -> str | None:
        """The Dockerfile's path relative to the context, or None where it lies outside."""
        relative = os.path.relpath(self.dockerfile.resolve(), self.folder.resolve())
        return None if relative.startswith("..") else Path(relative).as_posix()

    def digest(self) -> str:
        """A hash over the Dockerfile and every file that is sent: path, kind, mode, content.

        Times and owners do not count, as they do not reach the image.
        """
        total = hashlib.sha256()
        total.update(hashlib.sha256(self.dockerfile.read_bytes()).digest())
        for path, name in self.files():
            info = path.lstat()
            total.update(f"{name}\0{stat.S_IFMT(info.st_mode):o}\0{stat.S_IMODE(info.st_mode):o}\0".encode())
            if stat.S_ISLNK(info.st_mode):
                total.update(os.fsencode(path.readlink()))
            elif stat.S_ISREG(info.st_mode):
                with path.open("rb") as file:
                    total.update(hashlib.file_digest(file, "sha256").digest())
        return total.hexdigest()

    def write_archive(self, target: IO[bytes]) -> str:
        """Writes the context as tar; returns the Dockerfile's name in it. Everything belongs to root."""
        with tarfile.open(fileobj=target, mode="w") as tar:
            for path, name in self.files():
                tar.add(path, name, recursive=False, filter=_owned_by_root)
            if self.inside_name is None:
                tar.add(self.dockerfile, OUTSIDE_NAME, recursive=False, filter=_owned_by_root)
        return self.inside_name or OUTSIDE_NAME

    def files(self) -> Iterator[tuple[Path, str]]:
        """Everything that is sent, folders before what is in them, in the order of names."""
        try:
            lines = (self.folder / IGNORE_FILE).read_text().splitlines()
        except FileNotFoundError:
            lines = []
        yield from self._walk(self.folder, "", IgnoreRules(lines))

    def _walk(self, folder: Path, prefix: str, rules: IgnoreRules) -> Iterator[tuple[Path, str]]:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            name = f"{prefix}{entry.name}"
            # The builder itself needs these two, ignored or not.
            excluded = rules.excludes(name) and name not in (self.inside_name, IGNORE_FILE)
            path = Path(entry.path)
            if not entry.is_dir(follow_symlinks=False):
                if not excluded and (entry.is_file(follow_symlinks=False) or entry.is_symlink()):
                    yield path, name
                continue
            if excluded:
                if rules.takes_back or (self.inside_name or "").startswith(f"{name}/"):
                    yield from self._walk(path, f"{name}/", rules)
                continue
            yield path, name
            yield from self._walk(path, f"{name}/", rules)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
