"""`altostratus:kept:Files`: a folder of files on this machine, for a container that is mounted on it."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from toolchain.plugins.altostratus.fields import missing, unknown_fields
from toolchain.plugins.protocol import (
    UNKNOWN,
    CheckFailure,
    Diff,
    Failure,
    Properties,
    Request,
    ResourceHandler,
)

_INPUTS = ("folder", "files", "owner")


class KeptFilesHandler(ResourceHandler):
    """Each file is written beside its place and renamed; only `owner` can read it. A change is made in place,
    so who follows the files sees it without being made anew. The folder goes as a whole at the end, with what
    others have put into it.

    Inputs: `folder` (absolute path), `files` (contents by path below it), `owner` (numeric user and group;
    left out, whoever runs the update).
    """

    secret_outputs = ("files",)
    immutable = ("folder", "owner")
    delete_before_replace = True

    def check(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        return news, [*missing(news, _INPUTS[:2]), *unknown_fields(news, _INPUTS), *_unfit(news)]

    def create(self, request: Request, news: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", dict(news)
        _write_all(news)
        return uuid.uuid4().hex, dict(news)

    def read(
        self, request: Request, id: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties] | None:
        folder = Path(str(state.get("folder") or ""))
        if not folder.is_dir():
            return None
        there = {
            path: content
            for path, content in (state.get("files") or {}).items()
            if _content(folder / path) == content
        }
        # What is gone or was changed by hand is written again by the next update.
        return id, {**inputs, "files": there}, {**state, "files": there}

    def diff(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Diff:
        return Diff.between(old_inputs, news, immutable=self.immutable, delete_before_replace=True)

    def update(
        self, request: Request, id: str, old_inputs: Properties, old_state: Properties, news: Properties
    ) -> Properties:
        if not request.preview:
            _write_all(news)
            for gone in set(old_state.get("files") or {}) - set(news["files"]):
                (Path(str(news["folder"])) / gone).unlink(missing_ok=True)
        return dict(news)

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        try:
            shutil.rmtree(str(state["folder"]))
        except FileNotFoundError:
            return
        except OSError as error:
            raise Failure(f"the folder {state['folder']} could not be removed: {error}") from None


def _unfit(news: Properties) -> Iterator[CheckFailure]:
    folder, files = news.get("folder"), news.get("files")
    if isinstance(folder, str) and not folder.startswith("/"):
        yield CheckFailure("folder", f"{folder!r} is not an absolute path")
    for path in files if isinstance(files, dict) else ():
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts:
            yield CheckFailure("files", f"{path!r} is not a path below the folder")


def _write_all(news: Properties) -> None:
    folder, given = Path(str(news["folder"])), news.get("owner")
    owner = int(given) if given is not None and given is not UNKNOWN else None
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, content in sorted(news["files"].items()):
            place = folder / path
            for parent in [*reversed(place.relative_to(folder).parents)]:
                (folder / parent).mkdir(mode=0o700, exist_ok=True)
                _give(folder / parent, owner)
            _write(place, str(content), owner)
    except OSError as error:
        raise Failure(f"files could not be written below {folder}: {error}") from None


def _write(path: Path, content: str, owner: int | None) -> None:
    if _content(path) == content:
        return
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
        _give(Path(beside), owner)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _give(path: Path, owner: int | None) -> None:
    if owner is not None and path.stat().st_uid != owner:
        os.chown(path, owner, owner)


def _content(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
