"""One folder with every tool under its plain name, to put on PATH (`alto env`)."""

from pathlib import Path

from toolchain import find, paths, pins, plugin_install
from toolchain.locks import exclusive


def path() -> Path:
    """The folder, in the checkout's home: which tools are in use is a matter of the checkout."""
    place = paths.home() / "bin"
    place.mkdir(mode=0o755, exist_ok=True)
    return place


def publish() -> Path:
    """Link all tools that are there now, and the bundled language host where no other is; the folder.

    Links to tools that are gone, or that PATH brings itself, are removed.
    """
    folder = path()
    wanted: dict[str, Path] = {}
    for pin in pins.tools().values():
        found = find.locate(pin)
        if found and found.source != "PATH":
            wanted |= found.programs
    host = plugin_install.language_host()
    if host.source in ("bundled", "configured"):
        wanted[plugin_install.LANGUAGE_HOST] = Path(host.path)
    with exclusive(paths.cache() / "locks" / "bin"):
        for entry in folder.iterdir():
            if entry.name not in wanted:
                entry.unlink()
        for name, target in wanted.items():
            link = folder / name
            if not (link.is_symlink() and link.readlink() == target):
                plugin_install.replace_link(link, target)
    return folder
