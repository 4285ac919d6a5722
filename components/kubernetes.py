"""Kubernetes objects as plain mappings, under the types, names and states of Pulumi's own SDK.

The SDK's classes take most of a large application's program: modules of some megabytes are imported, and
every object that comes back is taken apart against its types. What is said here is checked before, by the
documents, and after, by the API server. Call it as the SDK: `k8s.core.v1.Service(name, spec={...})`;
outputs are mappings in Kubernetes' own spelling.
"""

from typing import Any, ClassVar

import pulumi
from pulumi_kubernetes import Provider  # small: the SDK loads its modules when they are asked for

__all__ = ["KubernetesObject", "Provider", "apps", "core", "networking", "policy", "rbac", "storage"]


class KubernetesObject(pulumi.CustomResource):
    """One object. `metadata`, and `spec` and `status` where there are any, are outputs."""

    API: ClassVar[str]
    """Group and version, as `apps/v1`; the core's is `v1`."""

    metadata: pulumi.Output[Any]
    spec: pulumi.Output[Any]
    status: pulumi.Output[Any]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None, **fields: Any) -> None:
        kind = type(self).__name__
        content = {_spelled(key): value for key, value in fields.items() if value is not None}
        module = self.API if "/" in self.API else f"core/{self.API}"
        super().__init__(
            f"kubernetes:{module}:{kind}",
            name,
            {"apiVersion": self.API, "kind": kind, "metadata": None, "spec": None, "status": None, **content},
            opts,
        )


def _spelled(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


class core:  # noqa: N801 - spelled as in the SDK
    """The core group."""

    class v1:  # noqa: N801
        """Its only version."""

        class Core(KubernetesObject):
            API = "v1"

        class ConfigMap(Core): ...

        class Namespace(Core): ...

        class PersistentVolumeClaim(Core): ...

        class Service(Core): ...

        class ServiceAccount(Core): ...

        class Secret(Core):
            """Its content is secret in the inputs and in the state."""

            def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None, **fields: Any) -> None:
                concealed = {
                    key: pulumi.Output.secret(value) if key in ("data", "string_data") else value
                    for key, value in fields.items()
                }
                own = pulumi.ResourceOptions(additional_secret_outputs=["data", "stringData"])
                super().__init__(name, pulumi.ResourceOptions.merge(opts, own), **concealed)


class apps:  # noqa: N801
    """Workloads."""

    class v1:  # noqa: N801
        """Their only version."""

        class Apps(KubernetesObject):
            API = "apps/v1"

        class DaemonSet(Apps): ...

        class Deployment(Apps): ...

        class StatefulSet(Apps): ...


class networking:  # noqa: N801
    """Network policies."""

    class v1:  # noqa: N801
        """Their only version."""

        class NetworkPolicy(KubernetesObject):
            API = "networking.k8s.io/v1"


class policy:  # noqa: N801
    """Disruption budgets."""

    class v1:  # noqa: N801
        """Their only version."""

        class PodDisruptionBudget(KubernetesObject):
            API = "policy/v1"


class rbac:  # noqa: N801
    """Who may do what."""

    class v1:  # noqa: N801
        """Its only version."""

        class Rbac(KubernetesObject):
            API = "rbac.authorization.k8s.io/v1"

        class ClusterRole(Rbac): ...

        class ClusterRoleBinding(Rbac): ...

        class Role(Rbac): ...

        class RoleBinding(Rbac): ...


class storage:  # noqa: N801
    """Storage classes."""

    class v1:  # noqa: N801
        """Their only version."""

        class StorageClass(KubernetesObject):
            API = "storage.k8s.io/v1"
