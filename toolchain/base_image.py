"""The Debian image that every image of ours is built from, under one name wherever it came from.

Where an image registry answers, it is Debian's own slim image with our few packages; where none does,
the same is bootstrapped from Debian packages. Both leave the same packages and leave out the same
documentation, so what is built on it need not care.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain import apt_sources, debian, engine, paths, pins
from toolchain.errors import ToolchainError
from toolchain.locks import exclusive
from toolchain.progress import Progress, Step

if TYPE_CHECKING:
    from docker import DockerClient

PACKAGES = ("ca-certificates",)
LABEL = "altostratus.image"
_REPOSITORY = "altostratus/base"
_RECIPE = 1  # raise when the way of making it changes what is in it
_REGISTRY_SECONDS = 6
_DPKG = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/locale/*",
)
_STAGES = (
    "running apt-get update",
    "downloading packages",
    "extracting archives",
    "installing essential",
    "installing remaining",
    "cleaning package lists",
    "creating tarball",
)


@dataclass(frozen=True)
class BaseImage:
    """`reference` goes after FROM; `source` is configured, present, registry or bootstrap."""

    reference: str
    source: str


def upstream() -> str:
    """The same image in an image registry."""
    return f"debian:{pins.DEBIAN_SUITE}-slim"


def base_reference() -> str:
    """The image reference to build from: `$ALTO_BASE_IMAGE`, or ours by its content.

    Needs no engine; `ensure_base` makes the image exist.
    """
    return os.environ.get("ALTO_BASE_IMAGE") or f"{_REPOSITORY}:{_key()}"


def _key() -> str:
    content = [pins.DEBIAN_SUITE, pins.architecture(), sorted(PACKAGES), _DPKG, _RECIPE]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def archives() -> Path:
    """The folder of bootstrapped images, as files."""
    return paths.cache() / "base"


def _archive() -> Path:
    return archives() / f"{_key()}.tar"


def ensure_base(progress: Progress | None = None) -> BaseImage:
    """Make the base image exist in the Docker engine (which is found or started), and name it.

    Raises ToolchainError when neither an image registry nor a Debian mirror can be used.
    """
    import docker
    from docker.errors import ImageNotFound

    shown = progress or Progress("", quiet=True)
    host = _engine(shown)
    if configured := os.environ.get("ALTO_BASE_IMAGE"):
        return BaseImage(configured, "configured")
    reference = base_reference()
    client = docker.from_env(environment={**os.environ, "DOCKER_HOST": host}, timeout=600)
    try:
        with exclusive(paths.cache() / "locks" / "base"):
            try:
                client.images.get(reference)
                return BaseImage(reference, "present")
            except ImageNotFound:
                pass
            with shown.step("Debian base image", 70) as step:
                if not _archive().exists() and _registry_answers(host):
                    step.note(f"from {upstream()}")
                    _build_on_upstream(client, reference)
                    return BaseImage(reference, "registry")
                if not _archive().exists():
                    bootstrap(step)
                step.note("importing")
                _import(client, reference)
                return BaseImage(reference, "bootstrap")
    finally:
        client.close()


def _engine(progress: Progress) -> str:
    if running := engine.find():
        return running.host
    with progress.step("Docker engine") as step:
        return engine.ensure(step.note).host


def _registry_answers(host: str) -> bool:
    """Whether the engine reaches a registry that has the image: it knows its own mirrors and proxies."""
    import docker
    import requests
    from docker.errors import DockerException

    environment = {**os.environ, "DOCKER_HOST": host}
    client = docker.from_env(environment=environment, timeout=_REGISTRY_SECONDS)
    try:
        client.images.get_registry_data(upstream())
    except (DockerException, requests.RequestException):
        return False
    finally:
        client.close()
    return True


def _build_on_upstream(client: "DockerClient", reference: str) -> None:
    from docker.errors import DockerException

    options = "\n".join(_DPKG)
    recipe = f"""FROM {upstream()}
LABEL {LABEL}=base
RUN printf '%s\\n' '{options.replace(chr(10), "' '")}' > /etc/dpkg/dpkg.cfg.d/slim \\
 && apt-get update \\
 && apt-get install --yes --no-install-recommends {" ".join(PACKAGES)} \\
 && apt-get clean && rm -rf /var/lib/apt/lists/*
"""
    try:
        client.images.build(fileobj=io.BytesIO(recipe.encode()), tag=reference, rm=True, forcerm=True)
    except DockerException as error:
        raise ToolchainError(
            f"the base image could not be built on {upstream()}: {error}",
            "Try again, or set ALTO_BASE_IMAGE to a Debian image you have.",
        ) from error


def _import(client: "DockerClient", reference: str) -> None:
    repository, _, tag = reference.rpartition(":")
    answer = client.api.import_image_from_file(
        str(_archive()), repository=repository, tag=tag, changes=[f"LABEL {LABEL}=base", 'CMD ["bash"]']
    )
    if "error" in (last := json.loads(answer.strip().splitlines()[-1])):
        raise ToolchainError(
            f"the Docker engine would not import {_archive()}: {last['error']}",
            "If the file is broken, remove it and run the command again.",
        )


def bootstrap(step: Step) -> None:
    """Make a minimal Debian of packages from the machine's own mirrors, as a tar file in the cache."""
    if not shutil.which("mmdebstrap"):
        if not debian.can_install():
            raise ToolchainError(
                f"no image registry answers for {upstream()}, and mmdebstrap is not installed",
                "Install mmdebstrap, or set ALTO_BASE_IMAGE to a Debian image you have.",
            )
        step.note("installing mmdebstrap")
        debian.install(["mmdebstrap"])
    archive = _archive()
    archive.parent.mkdir(mode=0o700, exist_ok=True)
    log = paths.cache() / "logs" / "base-image.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    beside = archive.with_suffix(".new")
    command = ["mmdebstrap", "--variant=minbase", "--format=tar", f"--include={','.join(PACKAGES)}"]
    command += [f"--dpkgopt={option}" for option in _DPKG]
    command += ["--aptopt=Acquire::Languages none", *(f"--aptopt={line}" for line in _proxies())]
    command += [pins.DEBIAN_SUITE, str(beside), *apt_sources.lines(pins.DEBIAN_SUITE)]
    try:
        with log.open("w") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True
            )
            with process:
                for line in process.stderr or ():
                    output.write(line)
                    for number, stage in enumerate(_STAGES):
                        if stage in line:
                            step.note(stage)
                            step.advance(number / len(_STAGES))
        if process.returncode:
            raise ToolchainError(
                f"mmdebstrap could not make a Debian {pins.DEBIAN_SUITE}: {_complaint(log)}",
                f"Its log is {log}. Check the network and the machine's apt sources, or set ALTO_BASE_IMAGE.",
            )
        with beside.open("rb") as handle:
            os.fsync(handle.fileno())
        beside.replace(archive)
    finally:
        beside.unlink(missing_ok=True)


def _proxies() -> list[str]:
    """apt's proxy settings: the machine may reach its mirrors through one."""
    if not shutil.which("apt-config"):
        return []
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    return [
        line.rstrip(";")
        for line in dump.splitlines()
        if line.lower().startswith(("acquire::http::proxy", "acquire::https::proxy")) and '""' not in line
    ]


def _complaint(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("E:")]
    return lines[-1].removeprefix("E:").strip() if lines else "it gave no reason"
