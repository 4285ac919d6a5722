"""`alto demo`: from an empty machine to a served page, each step repeatable and shown as it goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import read, replace_file
from console import credentials, demo_repository, subnets, updates
from console.errors import ConsoleError
from toolchain import base_image, bin_folder, engine, install, paths, plugin_install
from toolchain.progress import Progress

SAMPLE = Path("blueprints/library/samples/hello")
ALIAS = "web"


@dataclass
class Timings:
    """Seconds that each step took, in order."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, progress: Progress, name: str) -> Iterator[updates.Say]:
        """One step under the progress display; yields a way to say what it is at."""
        begin = time.monotonic()
        with progress.step(name) as step:
            yield step.note
        self.seconds[name] = time.monotonic() - begin


def run(cloud: str, application: str, hosts: int) -> None:
    """Make the cloud, its platform and the application; print the URL, times, and what to try."""
    timings = Timings()
    with Progress("alto demo") as progress:
        prepare(progress)
        cli = pulumi()
        with timings.step(progress, f"hosts of {cloud}") as say:
            _hosts(cli, cloud, hosts, say)
        with timings.step(progress, f"platform of {cloud}") as say:
            _platform(cli, cloud, application, say)
        with timings.step(progress, f"application {application}") as say:
            urls = _application(cli, cloud, application, say)
        with timings.step(progress, "first answer"):
            _await_answer(urls[0])
    _report(timings, application, urls)


def prepare(progress: Progress) -> None:
    """Tools, engine, base image and plugins: what every stack needs on this machine."""
    install.ensure(progress=progress)
    with progress.step("Docker engine") as step:
        engine.ensure(step.note)
    base_image.ensure_base(progress)
    plugin_install.ensure(progress)
    bin_folder.publish()


def _hosts(cli: Pulumi, cloud: str, hosts: int, say: updates.Say) -> None:
    stack = f"hosts-{cloud}"
    kept = read(cli.config_path(stack)).get("altostratus:hosts")
    cli.init(stack)
    if kept is None:
        settings = {
            "driver": "docker",
            "hosts": hosts,
            "controlPlanes": 1,
            "subnet": str(subnets.free_here()),
        }
        cli.configure(stack, {"altostratus:hosts": settings})
    _up(cli, stack, say)
    credentials.write(cloud, cli.outputs(stack))


def _platform(cli: Pulumi, cloud: str, application: str, say: updates.Say) -> None:
    stack = f"platform-{cloud}"
    repository = demo_repository.ensure(cloud, paths.root() / SAMPLE / "site", application)
    cli.init(stack)
    if "altostratus:platform" not in read(cli.config_path(stack)):
        settings = {"cartridges": ["php"], "gitRepositories": {application: str(repository)}}
        cli.configure(stack, {"altostratus:platform": settings})
    _up(cli, stack, say)


def _application(cli: Pulumi, cloud: str, application: str, say: updates.Say) -> list[str]:
    stack = f"app-{application}"
    git = cli.outputs(f"platform-{cloud}")["gitRepositories"][application]
    document = _document(cloud, application, git)
    cli.init(stack)
    cli.configure(
        stack,
        {
            "altostratus:cloud": cloud,
            "altostratus:blueprint": [str(document)],
            "altostratus:application": application,
        },
    )
    _up(cli, stack, say)
    urls: list[str] = cli.outputs(stack)["urls"]
    return urls


def _document(cloud: str, application: str, git: str) -> Path:
    """The sample's document with this demo's name and git address, beside the demo's repository."""
    documents = list(yaml.safe_load_all((paths.root() / SAMPLE / "application.yaml").read_text("utf-8")))
    for document in documents:
        if document["kind"] == "Application":
            document["name"] = application
            for cartridge in document["cartridges"]:
                if "artifact" in cartridge:
                    cartridge["artifact"]["git"] = git
    path = demo_repository.path(cloud) / f"{application}.yaml"
    replace_file(path, yaml.safe_dump_all(documents, sort_keys=False), mode=0o644)
    return path


def _up(cli: Pulumi, stack: str, say: updates.Say) -> None:
    for each in updates.recovered(cli, stack):
        say(each)
    cli.up(stack, listen=lambda line: say(_brief(line)))


def _brief(line: str) -> str:
    """One engine line as the progress display shows it: what happens to which resource."""
    return " ".join(line.split())[:70]


def _await_answer(url: str, limit: float = 60.0) -> None:
    """Return once the URL answers with 200. Raises ConsoleError after `limit` seconds, with the reason."""
    deadline, reason = time.monotonic() + limit, "no answer"
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(url, timeout=2, follow_redirects=True)
            if answer.status_code == 200:
                return
            reason = f"HTTP {answer.status_code}"
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
        time.sleep(0.2)
    raise ConsoleError(
        f"{url} does not answer: {reason}", "`alto status` shows the members and what they wait for."
    )


def _report(timings: Timings, application: str, urls: list[str]) -> None:
    print()
    for name, seconds in timings.seconds.items():
        print(f"  {name:<28}{seconds:6.1f} s")
    print(f"\n{application} answers at {urls[0]}\n")
    print("Try next:")
    print(f"  curl {urls[0]}/api/info                  which member answered, and its commit")
    print("  ./alto status                            clouds, hosts, members, URLs")
    print('  eval "$(./alto env)"; kubectl get nodes,pods -A; etcdctl member list; pulumi stack ls')
    print(f"  ./alto scale {application} {ALIAS}=4                four members")
    print("  ./alto demo --down                       remove every trace")
