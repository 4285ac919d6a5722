"""Resources for the guard rails to judge."""

from typing import Any

from policies.guardrails.resource import Resource

DIGEST = "@sha256:" + "0" * 64
LIMITED = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}


def workload(
    kind: str = "Deployment",
    replicas: Any = 1,
    labels: Any = None,
    namespace: str = "app-shop",
    name: str = "web",
    **spec: Any,
) -> Resource:
    pods = {"template": {"spec": spec}}
    wrapped = {"jobTemplate": {"spec": pods}} if kind == "CronJob" else {**pods, "replicas": replicas}
    if kind == "Pod":
        wrapped = spec
    group = "batch/v1" if kind.endswith("Job") else "core/v1" if kind == "Pod" else "apps/v1"
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    return Resource(
        f"kubernetes:{group}:{kind}", name, f"urn:{kind}:{name}", {"metadata": metadata, "spec": wrapped}
    )


def container(**more: Any) -> dict[str, Any]:
    return {"name": "main", "image": f"registry.example.org/web{DIGEST}", "resources": LIMITED, **more}


def configmap(key: str = "data", **files: Any) -> Resource:
    return Resource("kubernetes:core/v1:ConfigMap", "c", "urn:c", {key: files})


def engine_container(**inputs: Any) -> Resource:
    return Resource("docker:index/container:Container", "c", "urn:c", inputs)
