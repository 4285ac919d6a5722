"""`altostratus:platform:LocalStorage`: a default storage class on the hosts' own disks."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components import kubernetes as k8s
from components.registry_login import RegistryLogin, docker_config

TYPE = "altostratus:platform:LocalStorage"
CLASS = "altostratus-local"
PROVISIONER = "altostratus.dev/local-storage"
NAMESPACE = "altostratus-storage"
FOLDER = "/var/lib/altostratus/volumes"
"""Where volumes are, on every host."""

TOOL = "local-storage"
IMAGE = "local-storage"
PROGRAM = "altostratus-local-storage"

_NAME = "local-storage"
_PULL_SECRET = "altostratus-registry"  # noqa: S105


class LocalStorage(pulumi.ComponentResource):
    """The class, and on every host the program that makes its volumes as folders.

    Output: `storage_class`, the class's name, known when every host can make volumes.
    """

    storage_class: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        image: pulumi.Input[str],
        registry: RegistryLogin,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TYPE, name, None, opts)
        self._children = pulumi.ResourceOptions(parent=self)
        space = k8s.core.v1.Namespace(
            f"{name}-namespace", metadata=_namespace_metadata(), opts=self._children
        ).metadata.apply(lambda metadata: str(metadata["name"]))
        login = pulumi.Output.all(registry.address, registry.username, registry.password)
        config: pulumi.Output[str] = pulumi.Output.secret(login.apply(lambda known: docker_config(*known)))
        secret = k8s.core.v1.Secret(
            f"{name}-pull-secret",
            metadata={**_metadata(_PULL_SECRET), "namespace": space},
            type="kubernetes.io/dockerconfigjson",
            string_data={".dockerconfigjson": config},
            opts=self._children,
        )
        rights = self._create_account(name, space)
        program = k8s.apps.v1.DaemonSet(
            f"{name}-hosts",
            metadata={**_metadata(_NAME), "namespace": space},
            spec=daemon_set_spec(image),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[secret, *rights]),
        )
        made = k8s.storage.v1.StorageClass(
            f"{name}-class",
            metadata={
                **_metadata(CLASS),
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            provisioner=PROVISIONER,
            reclaim_policy="Delete",
            # A member is given its host first; its data is made there.
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[program]),
        )
        self.storage_class = made.metadata.apply(lambda metadata: str(metadata["name"]))
        self.register_outputs({"storageClass": self.storage_class})

    def _create_account(self, name: str, space: pulumi.Output[str]) -> list[pulumi.Resource]:
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account", metadata={**_metadata(_NAME), "namespace": space}, opts=self._children
        )
        role = k8s.rbac.v1.ClusterRole(
            f"{name}-role", metadata=_metadata("altostratus-local-storage"), rules=RULES, opts=self._children
        )
        binding = k8s.rbac.v1.ClusterRoleBinding(
            f"{name}-binding",
            metadata=_metadata("altostratus-local-storage"),
            role_ref={
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "altostratus-local-storage",
            },
            subjects=[{"kind": "ServiceAccount", "name": _NAME, "namespace": space}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
        return [account, binding]


RULES: list[Mapping[str, Any]] = [
    {
        "apiGroups": [""],
        "resources": ["persistentvolumes"],
        "verbs": ["get", "list", "watch", "create", "delete"],
    },
    # Claims are changed only to ask for another host.
    {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get", "list", "watch", "update"]},
    {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]},
    # To tell the Pods that wait for data which is lost.
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
]
"""What the program may do. It cannot start Pods, and reads no Secret."""


def daemon_set_spec(image: pulumi.Input[str]) -> dict[str, Any]:
    """The program on every host: root without privileges, which sees nothing but the volumes' folder."""
    container = {
        "name": _NAME,
        "image": image,
        "args": [f"--provisioner={PROVISIONER}", f"--folder={FOLDER}"],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "resources": {"requests": {"cpu": "5m", "memory": "24Mi"}, "limits": {"memory": "96Mi"}},
        "securityContext": {
            "runAsUser": 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            # Members own their files; removing those takes both.
            "capabilities": {"drop": ["ALL"], "add": ["DAC_OVERRIDE", "FOWNER"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "volumes", "mountPath": FOLDER}],
    }
    selector = {"app.kubernetes.io/name": _NAME}
    return {
        "selector": {"matchLabels": selector},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
        "template": {
            "metadata": {"labels": {**_metadata(_NAME)["labels"], **selector}},
            "spec": {
                "serviceAccountName": _NAME,
                "imagePullSecrets": [{"name": _PULL_SECRET}],
                "priorityClassName": "system-node-critical",
                "tolerations": [{"operator": "Exists"}],
                "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                "terminationGracePeriodSeconds": 5,
                "containers": [container],
                "volumes": [{"name": "volumes", "hostPath": {"path": FOLDER, "type": "DirectoryOrCreate"}}],
            },
        },
    }


def _metadata(name: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": _NAME, "app.kubernetes.io/managed-by": "altostratus"}
    return {"name": name, "labels": labels}


def _namespace_metadata() -> dict[str, Any]:
    made = _metadata(NAMESPACE)
    # The Pod Security Standards know folders of the host at this level only.
    modes = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "warn", "audit")}
    return {**made, "labels": {**made["labels"], **modes}}
