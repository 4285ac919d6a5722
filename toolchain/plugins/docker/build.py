"""Building and pushing an image: the engine's streams, read line by line."""

import re
import tempfile
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from toolchain.plugins.docker.build_context import BuildContext
from toolchain.plugins.docker.image_names import split_reference
from toolchain.plugins.docker.session import Session, explained
from toolchain.plugins.protocol import Failure, Request

LAST_LINES = 25  # of the failing step, shown in the error
_STEP = re.compile(r"Step \d+/\d+ : ")


@dataclass(frozen=True)
class Recipe:
    """What a build needs beyond its context. `args` may hold secrets, so it is never shown."""

    name: str
    args: dict[str, str] = field(default_factory=dict, repr=False)
    target: str | None = None
    platform: str | None = None
    cache_from: tuple[str, ...] = ()


def build(request: Request, session: Session, context: BuildContext, recipe: Recipe) -> str:
    """Builds with the engine's classic builder and tags the result; returns the image's id.

    Raises `Failure` with the step that failed and its last lines.
    """
    with tempfile.TemporaryFile(prefix="build-context-") as archive, explained(f"the build of {recipe.name}"):
        dockerfile = context.write_archive(archive)
        archive.seek(0)
        lines = session.client.build(
            fileobj=archive,
            custom_context=True,
            dockerfile=dockerfile,
            tag=recipe.name,
            buildargs=recipe.args or None,
            target=recipe.target,
            platform=recipe.platform,
            cache_from=list(recipe.cache_from) or None,
            rm=True,
            forcerm=True,
            decode=True,
        )
        follow_build(request, lines, recipe.name)
        return str(session.client.inspect_image(recipe.name)["Id"])


def follow_build(request: Request, lines: Iterable[dict[str, Any]], name: str) -> None:
    """Shows a build's steps as they come. Raises `Failure` when one fails."""
    step, said = "before its first step", deque[str](maxlen=LAST_LINES)
    for line in lines:
        request.check_cancelled()
        text = str(line.get("stream") or "").rstrip()
        if _STEP.match(text):
            step = text
            said.clear()
            request.log(text)
        elif text:
            said.extend(text.splitlines())
            request.status(said[-1])
        if line.get("error"):
            output = "\n".join(said)
            raise Failure(
                f"the build of {name} failed at {step}: {line['error']}"
                + (f"\nIts last output:\n{output}" if output else "")
            )


def push(request: Request, session: Session, name: str, auth: dict[str, str] | None) -> str:
    """Pushes; returns the reference by digest, `repository@sha256:…`. Raises `Failure`."""
    repository, tag = split_reference(name)
    request.status(f"pushing {name}")
    with explained(f"the image {name} could not be pushed"):
        lines = session.client.push(repository, tag=tag, auth_config=auth, stream=True, decode=True)
        digest = follow_push(request, lines, name)
    return f"{repository}@{digest}"


def follow_push(request: Request, lines: Iterable[dict[str, Any]], name: str) -> str:
    """Shows a push's progress; returns the digest that the registry gave. Raises `Failure`."""
    digest = ""
    for line in lines:
        request.check_cancelled()
        if line.get("error"):
            raise Failure(f"the image {name} could not be pushed: {line['error']}")
        digest = (line.get("aux") or {}).get("Digest") or digest
        if line.get("id") and not line.get("progress"):
            request.status(f"{line['id']}: {line.get('status', '')}")
    if not digest:
        raise Failure(f"the registry took the image {name}, but did not say its digest")
    return digest
