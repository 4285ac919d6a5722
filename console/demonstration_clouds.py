"""The clouds of the demo: hosts on this machine's engine, and a platform on each."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import yaml

from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import read, replace_file
from components.hosts.config import MadeHosts
from console import credentials, demo_repository, subnets, updates
from toolchain import paths

SITE = Path("blueprints/library/samples/hello/site")
HOSTS = "altostratus:hosts"
PLATFORM = "altostratus:platform"
JOINING = 16
"""So many addresses in the first cloud's network are for each cloud that joins it."""
POD_RANGE, SERVICE_RANGE = IPv4Network("10.244.0.0/16"), IPv4Network("10.96.0.0/16")


@dataclass(frozen=True)
class DemoCloud:
    """A cloud of the demo. `beside`: the first cloud, where this one is the second."""

    name: str
    hosts: int
    beside: str | None = None

    @property
    def home(self) -> str:
        """The cloud whose folder has the demo's git repository."""
        return self.beside or self.name


def make_hosts(cli: Pulumi, cloud: DemoCloud, say: updates.Say) -> None:
    """The stack `hosts-<cloud>`, and its kubeconfig for this machine."""
    stack = f"hosts-{cloud.name}"
    _begin(cli, stack, HOSTS, lambda: hosts_config(cli, cloud))
    bring_up(cli, stack, say)
    credentials.write(cloud.name, cli.outputs(stack))


def make_platform(cli: Pulumi, cloud: DemoCloud, application: str, say: updates.Say) -> None:
    """The stack `platform-<cloud>`: a registry, the images, and the demo's git repository."""
    stack = f"platform-{cloud.name}"
    repository = demo_repository.ensure(cloud.home, paths.root() / SITE, application)
    _begin(cli, stack, PLATFORM, lambda: platform_config(cli, cloud, application, repository))
    bring_up(cli, stack, say)


def bring_up(cli: Pulumi, stack: str, say: updates.Say) -> None:
    """Update a stack, after clearing what a killed update left; `say` is told what happens."""
    for each in updates.recovered(cli, stack):
        say(each)
    cli.up(stack, listen=lambda line: say(_brief(line)))


def hosts_config(cli: Pulumi, cloud: DemoCloud) -> str:
    """The config file's text of a new `hosts-<cloud>`, with addresses that are free here."""
    settings: dict[str, Any] = {
        "driver": "docker",
        "hosts": cloud.hosts,
        "controlPlanes": 1,
        "subnet": str(subnets.free_here()),
    }
    note = "This machine's engine makes the hosts; `zones: [a, b]` would give them zones in turn."
    if cloud.beside is not None:
        note = (
            f"The demo's second cloud, beside {cloud.beside}: a cluster of its own. Its Pods and Services "
            "have ranges\nof their own, so that an address tells its cloud. Its host is on both networks."
        )
        settings["podCidr"] = str(subnets.free_range(POD_RANGE, _used(cli, "podCidr", POD_RANGE)))
        settings["serviceCidr"] = str(
            subnets.free_range(SERVICE_RANGE, _used(cli, "serviceCidr", SERVICE_RANGE))
        )
        settings["joins"] = _joins(cli, cloud.beside)
    return _config(note, HOSTS, settings)


def platform_config(cli: Pulumi, cloud: DemoCloud, application: str, repository: Path) -> str:
    """The config file's text of a new `platform-<cloud>`."""
    settings: dict[str, Any] = {"cartridges": ["php"], "gitRepositories": {application: str(repository)}}
    note = "The images that the cloud's registry holds, and the repositories that its git server shows."
    if cloud.beside is not None:
        original = cli.outputs(f"platform-{cloud.beside}")["gitRepositories"][application]
        settings["gitMirrors"] = {application: original}
        note += f"\nA copy of an application has the documents of {cloud.beside}: their address is mirrored."
    return _config(note, PLATFORM, settings)


def _joins(cli: Pulumi, beside: str) -> dict[str, str]:
    """The network of the cloud beside, with an address there that no other cloud's hosts have."""
    hosts = _hosts_configs(cli)
    first = hosts.get(beside, {"driver": "existing"})
    if first.get("driver", "docker") != "docker":
        return {}
    network = f"alto-{beside}"
    taken = {each["joins"][network] for each in hosts.values() if network in each.get("joins", {})}
    subnet = IPv4Network(first.get("subnet", str(MadeHosts().subnet)))
    # Hosts of its own come from the start of it.
    free = range(subnet.num_addresses - JOINING, JOINING, -JOINING)
    return {network: next(address for at in free if (address := str(subnet[at])) not in taken)}


def _hosts_configs(cli: Pulumi) -> dict[str, dict[str, Any]]:
    """What the configs of all clouds here say of hosts, by cloud."""
    found = {}
    for path in cli.config_path("any").parent.glob("Pulumi.hosts-*.yaml"):
        settings = read(path).get(HOSTS)
        if isinstance(settings, dict):
            found[path.stem.removeprefix("Pulumi.hosts-")] = settings
    return found


def _used(cli: Pulumi, key: str, default: IPv4Network) -> Iterator[IPv4Network]:
    for settings in _hosts_configs(cli).values():
        if settings.get("driver", "docker") != "existing":
            yield IPv4Network(settings.get(key, str(default)))


def _config(note: str, key: str, settings: dict[str, Any]) -> str:
    comment = "".join(f"  # {line}\n" for line in note.splitlines())
    body = yaml.safe_dump({key: settings}, sort_keys=False, width=4096)
    return "config:\n" + comment + "".join(f"  {line}\n" for line in body.splitlines())


def _begin(cli: Pulumi, stack: str, key: str, text: Any) -> None:
    """Make the stack; its config is written once and then belongs to people."""
    path = cli.config_path(stack)
    if key not in read(path):
        if path.exists():
            cli.configure(stack, {key: yaml.safe_load(text())["config"][key]})
        else:
            replace_file(path, text())
    cli.init(stack)


def _brief(line: str) -> str:
    """One engine line as the progress display shows it: what happens to which resource."""
    return " ".join(line.split())[:70]
