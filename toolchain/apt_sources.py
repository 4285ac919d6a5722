"""The Debian mirrors this machine itself uses, so that an image is made from the same ones.

Reads both of apt's formats. Sources of other vendors are left out, and the suite is replaced by the
wanted one: a trixie machine can bootstrap a bookworm image from its own mirror.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APT = Path("/etc/apt")
_KINDS = ("", "-updates", "-security")
_SUITES = ("bookworm", "trixie", "bullseye", "forky", "stable", "oldstable", "testing")
_ONE_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<rest>.+)$")


@dataclass(frozen=True)
class _Entry:
    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str


def lines(suite: str, apt: Path = APT) -> list[str]:
    """One-line entries for `suite` and its updates from the machine's Debian mirrors; empty where it
    has none (then the bootstrap tool's own default is left to decide)."""
    found: dict[str, str] = {}
    for entry in _entries(apt):
        kind = _kind(entry)
        if kind is not None and entry.uri.startswith(("http://", "https://", "file:")):
            found.setdefault(kind, f"deb {entry.uri} {suite}{kind} main")
    # Updates alone cannot make a system.
    return [found[kind] for kind in _KINDS if kind in found] if "" in found else []


def _kind(entry: _Entry) -> str | None:
    """Which part of Debian the entry is ("" is the release itself), or None for another vendor's."""
    if "main" not in entry.components:
        return None
    if entry.signed_by and "debian-archive" not in entry.signed_by:
        return None
    return next((kind for kind in _KINDS if entry.suite in {f"{suite}{kind}" for suite in _SUITES}), None)


def _entries(apt: Path) -> Iterator[_Entry]:
    folder = apt / "sources.list.d"
    for file in [apt / "sources.list", *sorted(folder.glob("*.list"))]:
        for line in _read(file).splitlines():
            if match := _ONE_LINE.match(line.strip()):
                signed = re.search(r"signed-by=(\S+)", match["options"] or "")
                components = tuple(match["rest"].split("#")[0].split())
                yield _Entry(match["uri"], match["suite"], components, signed[1] if signed else "")
    for file in sorted(folder.glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", _read(file)):
            yield from _stanza(stanza)


def _stanza(text: str) -> Iterator[_Entry]:
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and name:
            fields[name] += f" {line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
        return
    components = tuple(fields.get("components", "").split())
    for uri in fields.get("uris", "").split():
        for suite in fields.get("suites", "").split():
            yield _Entry(uri, suite, components, fields.get("signed-by", ""))


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
