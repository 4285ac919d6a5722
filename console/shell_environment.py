"""Shell lines for `eval "$(./alto env)"`: plain pulumi, kubectl and etcdctl then work as in any project."""

import shlex
from collections.abc import Iterator

from autoscaler.act.environment import FOREIGN, pulumi, variables
from console import credentials
from toolchain import bin_folder, engine, install, paths, plugin_install


def lines(cloud: str | None) -> Iterator[str]:
    """Exports and unsets; of `cloud`, or of the only (else the first) cloud that has a kubeconfig."""
    install.ensure()
    plugin_install.ensure()
    bin_folder.publish()
    cli = pulumi()
    for stack in cli.stacks():
        if stack.startswith("hosts-"):
            credentials.refresh(cli, stack.removeprefix("hosts-"))
    yield f"unset {' '.join(FOREIGN)}"
    found = variables()
    if running := engine.find():
        found["DOCKER_HOST"] = running.host
    name = cloud or _first_cloud()
    if name is not None:
        found |= cluster_variables(name)
    for key, value in found.items():
        yield f"export {key}={shlex.quote(value)}"


def cluster_variables(cloud: str) -> dict[str, str]:
    """KUBECONFIG and etcdctl's variables of a cloud, as far as it is made."""
    kubeconfig = paths.kubeconfig(cloud)
    if not kubeconfig.exists():
        return {}
    found = {"KUBECONFIG": str(kubeconfig)}
    etcd = kubeconfig.parent / "etcd"
    endpoints = etcd / "endpoints"
    if endpoints.exists():
        found |= {
            "ETCDCTL_API": "3",
            "ETCDCTL_ENDPOINTS": endpoints.read_text().strip(),
            "ETCDCTL_CACERT": str(etcd / "ca.crt"),
            "ETCDCTL_CERT": str(etcd / "client.crt"),
            "ETCDCTL_KEY": str(etcd / "client.key"),
        }
    return found


def _first_cloud() -> str | None:
    folder = paths.home() / "clouds"
    names = (
        sorted(each.name for each in folder.iterdir() if (each / "kubeconfig").exists())
        if folder.exists()
        else []
    )
    return "local" if "local" in names else (names[0] if names else None)
