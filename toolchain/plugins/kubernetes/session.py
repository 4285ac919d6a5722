"""What all handlers of one configured provider share: the client, the settings, the namespace."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolchain.plugins.kubernetes import kubeconfig
from toolchain.plugins.kubernetes.client import ApiError, Client, Unreachable
from toolchain.plugins.protocol import Failure

ENVIRONMENT = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "suppressDeprecationWarnings": "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    # Ours alone, and only from the environment: a caller that watches members itself need not wait here.
    "scaleAtOnce": "ALTO_SCALE_AT_ONCE",
}


@dataclass(frozen=True)
class Settings:
    """The provider's switches; each may also come from the environment, as with the vendor's plugin."""

    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    config_map_mutable: bool = False
    secret_mutable: bool = False
    patch_force: bool = False
    upsert: bool = False
    suppress_deprecations: bool = False
    scale_at_once: bool = False

    @classmethod
    def read(cls, config: Mapping[str, Any], environment: Mapping[str, str]) -> "Settings":
        """From the provider's properties (booleans or their text). Raises `Failure`."""

        def switch(name: str, default: bool = False) -> bool:
            value = config.get(name)
            if value in (None, ""):
                value = environment.get(ENVIRONMENT.get(name, ""), default)
            return str(value).lower() == "true"

        if not switch("enableServerSideApply", default=True):
            raise Failure(
                "the bundled kubernetes plugin always uses server-side apply; "
                "remove enableServerSideApply: false or install the vendor's plugin"
            )
        if config.get("renderYamlToDirectory"):
            raise Failure(
                "the bundled kubernetes plugin does not render YAML; remove renderYamlToDirectory "
                "or install the vendor's plugin"
            )
        return cls(
            delete_unreachable=switch("deleteUnreachable"),
            skip_update_unreachable=switch("skipUpdateUnreachable"),
            config_map_mutable=switch("enableConfigMapMutable"),
            secret_mutable=switch("enableSecretMutable"),
            patch_force=switch("enablePatchForce"),
            upsert=switch("upsertExistingObjects"),
            suppress_deprecations=switch("suppressDeprecationWarnings"),
            scale_at_once=switch("scaleAtOnce"),
        )

    @property
    def mutable(self) -> tuple[str, ...]:
        """The kinds whose content may change in place."""
        return ("ConfigMap",) * self.config_map_mutable + ("Secret",) * self.secret_mutable


class Session:
    """A cluster, reached when first needed; a bad kubeconfig is an error only where a cluster is needed."""

    def __init__(self, config: Mapping[str, Any], settings: Settings) -> None:
        self.settings = settings
        self.namespace = str(config.get("namespace") or "") or "default"
        self._lock = threading.Lock()
        self._probe: Failure | bool | None = None
        self._client: Client | None = None
        self._problem: Failure | None = None
        try:
            document = kubeconfig.parse(str(config.get("kubeconfig") or "") or kubeconfig.ambient())
            cluster = kubeconfig.resolve(
                document,
                context=str(config.get("context") or ""),
                cluster=str(config.get("cluster") or ""),
                namespace=str(config.get("namespace") or ""),
            )
            self.namespace = cluster.namespace
            self._client = Client(cluster)
        except Failure as problem:
            self._problem = problem

    @property
    def client(self) -> Client:
        """The client. Raises `Unreachable` where the kubeconfig is of no use."""
        if self._client is None:
            raise Unreachable(str(self._problem))
        return self._client

    def unreachable(self) -> Failure | None:
        """Why the cluster cannot be reached, or None; asked of the server once."""
        with self._lock:
            if self._probe is None:
                self._probe = self._ask()
            return self._probe if isinstance(self._probe, Failure) else None

    def _ask(self) -> Failure | bool:
        try:
            self.client.get("/version")
        except Unreachable as problem:
            return problem
        except ApiError:
            return True  # it answers, if only to refuse
        return True

    def close(self) -> None:
        """Closes connections."""
        if self._client:
            self._client.close()
