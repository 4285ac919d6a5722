"""A machine that has joined its cluster, as a Pulumi resource."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.hosts.driver import Access
from components.hosts.provided import ProvidedResource


class Node(ProvidedResource):
    """Stands for "this machine is provisioned and part of the cluster".

    Creating waits until its provisioning has ended, its etcd member is healthy (role `etcd`) and its
    Kubernetes node is Ready. Changed `files` (`{path: {content, mode}}`, mode as octal text) are written
    to the machine and the units that `units` maps their longest path prefix to are restarted. Deleting
    drains, for at most `drain_timeout_seconds`, forgets the node, and removes the etcd member through
    one of `peers`: `[{name, machineId}]`, where a container's name will do as the id.

    `access` says how a machine that is not on this one's engine is reached, over SSH.

    `host` is the machine's and the node's name. Another `machine_id` is another machine.
    """

    def __init__(
        self,
        resource_name: str,
        *,
        host: pulumi.Input[str],
        machine_id: pulumi.Input[str],
        address: pulumi.Input[str],
        roles: pulumi.Input[Sequence[str]],
        kubeconfig: pulumi.Input[str],
        files: pulumi.Input[Mapping[str, Mapping[str, Any]]],
        units: pulumi.Input[Mapping[str, str]],
        peers: pulumi.Input[Sequence[Mapping[str, pulumi.Input[str]]]] = (),
        driver: pulumi.Input[str] = "docker",
        access: Access | None = None,
        ready_timeout_seconds: pulumi.Input[int] = 180,
        drain_timeout_seconds: pulumi.Input[int] = 60,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "altostratus:hosts:Node",
            resource_name,
            {
                "driver": driver,
                "name": host,
                "machineId": machine_id,
                "address": address,
                "roles": roles,
                "kubeconfig": pulumi.Output.secret(kubeconfig),
                "files": pulumi.Output.secret(files),
                **_access(access),
                "units": units,
                "peers": peers,
                "readyTimeoutSeconds": ready_timeout_seconds,
                "drainTimeoutSeconds": drain_timeout_seconds,
            },
            opts,
            secrets=["kubeconfig", "files", *_access(access)],
        )


def _access(access: Access | None) -> dict[str, pulumi.Output[dict[str, str]]]:
    if access is None:
        return {}
    keys: Any = {"privateKey": access.private_key, "hostKey": access.host_key}
    return {"access": pulumi.Output.secret(pulumi.Output.from_input(keys))}
