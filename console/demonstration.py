"""`alto demo`: from an empty machine to a served page, each step repeatable and shown as it goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from autoscaler.act.app_stack import APPLICATION, BLUEPRINT, CLOUD
from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import read, replace_file
from console import demo_repository, demonstration_end, machine_note, updates
from console.demonstration_clouds import DemoCloud, bring_up, make_hosts, make_platform
from console.errors import BadInput, ConsoleError
from toolchain import base_image, bin_folder, engine, install, paths, plugin_install
from toolchain.progress import Progress

SAMPLE = Path("blueprints/library/samples/hello")
ALIAS = "web"
CLOUD_NAME, APPLICATION_NAME = "local", "hello"
"""What the demo's own options are without being given."""
HOSTS_SECONDS, PLATFORM_SECONDS, APPLICATION_SECONDS = 60.0, 45.0, 25.0
"""What the steps take where nothing is known of the machine yet."""


@dataclass
class Timings:
    """Seconds that each step took, in order."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(
        self, progress: Progress, name: str, expected_seconds: float | None = None
    ) -> Iterator[updates.Say]:
        """One step under the progress display; yields a way to say what it is at."""
        begin = time.monotonic()
        with progress.step(name, expected_seconds) as step:
            yield step.note
        self.seconds[name] = time.monotonic() - begin


def start(cloud: str, application: str, hosts: int, away: str | None) -> None:
    """`alto demo` as it was asked for; a second cloud has one host. Raises BadInput."""
    if away == cloud:
        raise BadInput(f"both clouds are named {cloud!r}", "Give the second one another name: --away NAME.")
    second = DemoCloud(away, 1, beside=cloud) if away else None
    run(DemoCloud(cloud, hosts), application, second)


def run(first: DemoCloud, application: str, second: DemoCloud | None = None) -> None:
    """Make the clouds, a platform on each and the application on the first; print the URL, times, and what
    to try."""
    timings = Timings()
    with Progress("alto demo") as progress:
        if note := machine_note.of_this_machine(first.hosts + (second.hosts if second else 0)):
            progress.say(note)
        prepare(progress)
        cli = pulumi()
        for each in (first, second):
            if each is not None:
                progress.expect(f"hosts of {each.name}", HOSTS_SECONDS)
                progress.expect(f"platform of {each.name}", PLATFORM_SECONDS)
        progress.expect(f"application {application}", APPLICATION_SECONDS)
        _cloud(cli, first, application, timings, progress)
        with timings.step(progress, f"application {application}", APPLICATION_SECONDS) as say:
            urls = _application(cli, first.name, application, say)
        with timings.step(progress, "first answer"):
            _await_answer(urls[0])
        if second is not None:
            demonstration_end.note_second(first.name, second.name)
            _cloud(cli, second, application, timings, progress)
    _report(timings, application, urls, (first, second))


def _cloud(cli: Pulumi, cloud: DemoCloud, application: str, timings: Timings, progress: Progress) -> None:
    with timings.step(progress, f"hosts of {cloud.name}", HOSTS_SECONDS) as say:
        make_hosts(cli, cloud, say)
    with timings.step(progress, f"platform of {cloud.name}", PLATFORM_SECONDS) as say:
        make_platform(cli, cloud, application, say)


def prepare(progress: Progress) -> None:
    """Tools, engine, base image and plugins: what every stack needs on this machine."""
    install.ensure(progress=progress)
    with progress.step("Docker engine") as step:
        engine.ensure(step.note)
    base_image.ensure_base(progress)
    plugin_install.ensure(progress)
    bin_folder.publish()


def _application(cli: Pulumi, cloud: str, application: str, say: updates.Say) -> list[str]:
    stack = f"app-{application}"
    git = cli.outputs(f"platform-{cloud}")["gitRepositories"][application]
    document = _document(cloud, application, git)
    cli.init(stack)
    settings = {CLOUD: cloud, BLUEPRINT: [str(document)], APPLICATION: application}
    there = read(cli.config_path(stack))
    # What is there stays: the application may have moved to another cloud since.
    cli.configure(stack, {key: value for key, value in settings.items() if key not in there})
    bring_up(cli, stack, say)
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


def _report(
    timings: Timings, application: str, urls: list[str], clouds: tuple[DemoCloud, DemoCloud | None]
) -> None:
    first, second = clouds
    print()
    for name, seconds in timings.seconds.items():
        print(f"  {name:<28}{seconds:6.1f} s")
    print(f"\n{application} answers at {urls[0]}\n")
    print("Try next:")
    hints = [
        (f"curl {urls[0]}/api/info", "which member answered, and its commit"),
        ("./alto status", "clouds, hosts, members, URLs"),
        (f"./alto scale {application} {ALIAS}=4", "four members"),
    ]
    if second is not None:
        hints += [
            ("./alto clouds", "both clouds: hosts, room, copies"),
            (f"./alto front {application}", "one address over all of its copies"),
            (f"./alto burst {application} --to {second.name}", "a copy there; --end takes it back"),
        ]
    named = "" if first.name == CLOUD_NAME else f" --cloud {first.name}"
    named += "" if application == APPLICATION_NAME else f" --application {application}"
    hints.append((f"./alto demo --down{named}", "remove every trace"))
    width = max(len(command) for command, _ in hints)
    for command, meaning in hints:
        print(f"  {command:<{width}}  {meaning}")
    print('  eval "$(./alto env)"; kubectl get nodes,pods -A; etcdctl member list; pulumi stack ls')
