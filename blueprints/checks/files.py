"""Checks of the files and folders that documents refer to."""

from collections.abc import Iterator
from pathlib import Path

from blueprints.checks.levels import levels_of
from blueprints.code_packages import packages_missing
from blueprints.composition import DocumentPath
from blueprints.detection import runtime_of
from blueprints.findings import DocumentError, Finding
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.containers import Container
from blueprints.kinds.signup import Signup
from blueprints.loader import Loaded

Needed = tuple[DocumentPath, Path, bool]
"""A place, the path it names, and whether that is a folder."""


def check_files(document: Loaded) -> Iterator[Finding]:
    """Files and folders that are not where a document says. Documents in no file are not checked."""
    if not document.source.path.is_file():
        return
    yield from _undetected(document)
    for where, path, folder in _needed(document):
        try:
            there = path.is_dir() if folder else path.is_file()
        except (OSError, ValueError):
            there = False
        if not there:
            what = "folder" if folder else "file"
            yield document.finding(
                "ALT1214",
                f"there is no {what} {path}",
                where,
                hint="Paths start at the folder of the document that names them.",
            )


def _undetected(document: Loaded) -> Iterator[Finding]:
    """Folders of code that no runtime is recognised in, and those without the packages they list."""
    if not isinstance(document.model, Cartridge):
        return
    cartridge = document.model
    containers: list[tuple[DocumentPath, Container]] = [((), cartridge)]
    containers += [(("init", index), each) for index, each in enumerate(cartridge.init)]
    containers += [(("sidecars", index), each) for index, each in enumerate(cartridge.sidecars)]
    for place, container in containers:
        code = container.code
        if code is None or not (document.folder / code.path).is_dir():
            continue
        try:
            runtime = runtime_of(code, document.folder)
            listed = packages_missing(document.folder / code.path, runtime)
            if listed is not None:
                yield document.finding(
                    "ALT1214",
                    f"the packages that {listed.file} lists are not beside the code, and are not fetched",
                    (*place, "code", "path"),
                    severity="warning",
                    hint=f"Put them there first ({listed.command})"
                    + (f", or a {listed.fetched_by} to fetch them by" if listed.fetched_by else "")
                    + ", or fetch them in a `build` or `setup`.",
                )
        except DocumentError as error:
            for found in error.findings:
                where = (*place, "code", "path")
                yield document.finding(
                    found.code, found.message, where, allowed=found.allowed, hint=found.hint
                )


def _needed(document: Loaded) -> Iterator[Needed]:
    base = document.folder
    if isinstance(document.model, Cartridge):
        cartridge = document.model
        yield from _runtime((), cartridge, base)
        for field, containers in (("init", cartridge.init), ("sidecars", cartridge.sidecars)):
            for index, container in enumerate(containers):
                yield from _runtime((field, index), container, base)
        for index, file in enumerate(cartridge.files):
            if file.source is not None:
                yield ("files", index, "source"), base / file.source, False
    elif isinstance(document.model, Signup):
        for index, entry in enumerate(document.model.artifacts):
            if entry.artifact.directory is not None:
                yield ("artifacts", index, "artifact", "directory"), base / entry.artifact.directory, True
    for place, level in levels_of(document):
        for index, use in enumerate(level.cartridges):
            if use.artifact is not None and use.artifact.directory is not None:
                where = (*place, "cartridges", index, "artifact", "directory")
                yield where, base / use.artifact.directory, True
        for index, group in enumerate(level.groups):
            for path, settings in group.overrides.items():
                if settings.artifact is not None and settings.artifact.directory is not None:
                    where = (*place, "groups", index, "overrides", path, "artifact", "directory")
                    yield where, base / settings.artifact.directory, True


def _runtime(place: DocumentPath, container: Container, base: Path) -> Iterator[Needed]:
    if container.build is not None:
        context = base / container.build.context
        yield (*place, "build", "context"), context, True
        if context.is_dir():
            yield (*place, "build", "dockerfile"), context / container.build.dockerfile, False
    if container.code is not None:
        yield (*place, "code", "path"), base / container.code.path, True
    if container.setup is not None:
        yield (*place, "setup", "script"), base / container.setup.script, False
