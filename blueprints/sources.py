"""Files of documents: finding them, reading them safely, and where in them a value stands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from blueprints.json_reader import read_json
from blueprints.nodes import Node, ReadError
from blueprints.yaml_reader import read_yaml

SIZE_LIMIT = 4 * 2**20
"""The largest file, in bytes."""

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv"})
_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(slots=True)
class Source:
    """A file that was read. `asked` tells whether it was named itself, not found in a folder."""

    path: Path
    text: str
    nodes: list[Node]
    asked: bool = True
    folder: Path = field(init=False)
    """Where relative paths in its documents start."""
    _lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = self.path.parent

    @property
    def name(self) -> str:
        """The file as the user would write it."""
        return str(self.path)

    def line(self, number: int) -> str:
        """The text of a line, counted from 1."""
        if not self._lines:
            self._lines = self.text.split("\n")
        return self._lines[number - 1].rstrip("\r") if 0 < number <= len(self._lines) else ""


def discover(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """The files among `paths` and in the folders among them, in order, each with whether it was named."""
    seen: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found: Iterable[tuple[Path, bool]] = ((p, False) for p in _walk(path))
        else:
            found = [(path, True)]
        for file, named in found:
            key = file.absolute()
            if key not in seen:
                seen.add(key)
                yield file, named


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _SKIPPED_FOLDERS:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        elif entry.suffix.lower() in SUFFIXES and entry.is_file():
            yield entry


def decode(raw: bytes) -> str:
    """UTF-8 text without byte order mark and NUL. Raises ReadError with the place of the fault."""
    if len(raw) > SIZE_LIMIT:
        raise ReadError(
            "ALT1003",
            f"the file is larger than {SIZE_LIMIT // 2**20} MiB",
            hint="Split it into several files.",
        )
    encoding = _BYTE_ORDER_MARKS.get(raw[:2])
    if encoding:
        raise ReadError("ALT1002", f"the file is {encoding}", 1, 1, hint="Save it as UTF-8.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _position(raw, error.start)
        raise ReadError(
            "ALT1002",
            f"byte 0x{raw[error.start]:02x} is not UTF-8",
            line,
            column,
            hint="Save the file as UTF-8.",
        ) from None
    if "\0" in text:
        before = text[: text.index("\0")]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ReadError("ALT1002", "the file holds a NUL character, as binary files do", line, column)
    return text


def _position(raw: bytes, at: int) -> tuple[int, int]:
    return raw.count(b"\n", 0, at) + 1, at - raw.rfind(b"\n", 0, at)


def read_bytes(path: Path) -> bytes:
    """The content of a file, never much more than the limit. Raises ReadError."""
    try:
        if not path.exists():
            raise ReadError("ALT1001", "there is no such file or folder")
        if not path.is_file():
            raise ReadError("ALT1001", "this is not a regular file")
        with path.open("rb") as file:
            return file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        raise ReadError("ALT1001", f"cannot be read: {reason}") from None


def read_text(text: str, suffix: str) -> list[Node]:
    """The values of a text in the format its file's suffix tells. Raises ReadError."""
    return read_json(text) if suffix == ".json" else read_yaml(text)
