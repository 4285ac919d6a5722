"""The supported kinds, and which of their fields cannot change in place."""

from collections.abc import Sequence
from dataclasses import dataclass

PACKAGE = "kubernetes"
VERSION = "4.34.2"

# A field's path; ANY stands for every element of a list.
FieldPath = tuple[str, ...]
ANY = "*"


@dataclass(frozen=True)
class Kind:
    """One kind of object: where the API serves it and what needs a new object to change."""

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True
    immutable: tuple[FieldPath, ...] = ()

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def token(self) -> str:
        """Pulumi's type token."""
        return f"{PACKAGE}:{self.group or 'core'}/{self.version}:{self.name}"

    def path(self, namespace: str = "", name: str = "") -> str:
        """The URL path of the collection, or of one object in it."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if self.namespaced and namespace:
            base += f"/namespaces/{namespace}"
        return f"{base}/{self.plural}" + (f"/{name}" if name else "")


def _paths(*dotted: str) -> tuple[FieldPath, ...]:
    return tuple(tuple(text.split(".")) for text in dotted)


def _under(prefix: str, names: str) -> tuple[FieldPath, ...]:
    return _paths(*(f"{prefix}.{name}" for name in names.split()))


SELECTOR = _paths("spec.selector")
VOLUME_SOURCES = _under(
    "spec",
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk "
    "glusterfs hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos "
    "vsphereVolume",
)
POD_FIELDS = _under(
    "spec",
    "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC "
    "hostNetwork hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority "
    "priorityClassName readinessGates restartPolicy runtimeClassName schedulerName securityContext "
    "serviceAccount serviceAccountName shareProcessNamespace subdomain terminationGracePeriodSeconds volumes",
)
CONTAINER_FIELDS = (
    "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources "
    "securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices "
    "volumeMounts workingDir"
)

KINDS: tuple[Kind, ...] = (
    Kind("", "v1", "Namespace", "namespaces", namespaced=False),
    Kind("", "v1", "Node", "nodes", namespaced=False),
    Kind("", "v1", "Service", "services", immutable=_paths("spec.clusterIP")),
    Kind("", "v1", "Endpoints", "endpoints"),
    Kind("", "v1", "ConfigMap", "configmaps"),
    Kind("", "v1", "Secret", "secrets", immutable=_paths("type")),
    Kind("", "v1", "ServiceAccount", "serviceaccounts"),
    Kind("", "v1", "LimitRange", "limitranges"),
    Kind("", "v1", "ResourceQuota", "resourcequotas", immutable=_paths("spec.scopes")),
    Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False, immutable=VOLUME_SOURCES),
    Kind(
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        immutable=_under("spec", "accessModes selector storageClassName volumeName"),
    ),
    Kind(
        "",
        "v1",
        "Pod",
        "pods",
        immutable=(
            *POD_FIELDS,
            *_under(f"spec.containers.{ANY}", CONTAINER_FIELDS),
            *_under(f"spec.initContainers.{ANY}", CONTAINER_FIELDS),
        ),
    ),
    Kind("apps", "v1", "Deployment", "deployments", immutable=SELECTOR),
    Kind("apps", "v1", "DaemonSet", "daemonsets", immutable=SELECTOR),
    Kind(
        "apps",
        "v1",
        "StatefulSet",
        "statefulsets",
        immutable=_under(
            "spec", "podManagementPolicy revisionHistoryLimit selector serviceName volumeClaimTemplates"
        ),
    ),
    Kind("batch", "v1", "Job", "jobs", immutable=_under("spec", "completions parallelism selector template")),
    Kind("batch", "v1", "CronJob", "cronjobs"),
    Kind("networking.k8s.io", "v1", "Ingress", "ingresses"),
    Kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    Kind("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", immutable=_paths("roleRef")),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False),
    Kind(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        namespaced=False,
        immutable=_paths("roleRef"),
    ),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind(
        "storage.k8s.io",
        "v1",
        "StorageClass",
        "storageclasses",
        namespaced=False,
        immutable=_paths("parameters", "provisioner"),
    ),
    Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False),
    Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    Kind("coordination.k8s.io", "v1", "Lease", "leases"),
    Kind("apiregistration.k8s.io", "v1", "APIService", "apiservices", namespaced=False),
    Kind(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        namespaced=False,
    ),
)

BY_TOKEN = {kind.token: kind for kind in KINDS}
IDENTITY = _paths("metadata.name", "metadata.namespace")
# Replaced on change unless the provider is told that consumers reread them.
CONFIG_DATA = {"ConfigMap": _paths("binaryData", "data"), "Secret": _paths("stringData", "data")}


def named(name: str, group: str = "") -> Kind:
    """The kind of that name. Raises KeyError."""
    return next(kind for kind in KINDS if kind.name == name and kind.group == group)


def needs_replacement(path: Sequence[str | int], immutable: Sequence[FieldPath]) -> bool:
    """Whether a change at `path` touches a field that cannot change in place."""
    return any(_covers(pattern, path) for pattern in immutable)


def _covers(pattern: FieldPath, path: Sequence[str | int]) -> bool:
    """Whether one of the two is a prefix of the other: the field itself, inside it, or around it."""
    return all(
        wanted == step or (wanted == ANY and isinstance(step, int))
        for wanted, step in zip(pattern, path, strict=False)
    )
