"""The kubelet's metrics, read fast: only the lines of Pods, only four families."""

from __future__ import annotations

import re
from typing import NamedTuple

# With the label `container` empty a line of cAdvisor is of a Pod as a whole; the labels come in this order.
_RESOURCE = re.compile(
    rb"^pod_(cpu_usage_seconds_total|memory_working_set_bytes)"
    rb'\{namespace="([^"]+)",pod="([^"]+)"\} (\S+) ?(\d*)',
    re.MULTILINE,
)
_CADVISOR = re.compile(
    rb"^container_(cpu_usage_seconds_total|memory_working_set_bytes|cpu_cfs_throttled_seconds_total)"
    rb'\{container="([^"]*)",[^}]*?name="([^"]*)",namespace="([^"]+)",pod="([^"]+)"\} (\S+) ?(\d*)',
    re.MULTILINE,
)


class PodSample(NamedTuple):
    """A Pod's counters at a moment. CPU and throttling in seconds since its start, memory in bytes.

    `at` is by the node's clock, seconds since the epoch; 0.0 where the kubelet does not say.
    """

    cpu: float
    memory: float | None
    throttled: float
    at: float


Pod = tuple[str, str]
"""Namespace and name."""


def read_resource(text: bytes) -> dict[Pod, PodSample]:
    """The answer of `/metrics/resource`: one sample for each Pod that has used a processor."""
    cpu: dict[Pod, tuple[float, float]] = {}
    memory: dict[Pod, float] = {}
    for family, namespace, name, value, at in _RESOURCE.findall(text):
        pod = namespace.decode(), name.decode()
        if family.startswith(b"cpu"):
            cpu[pod] = float(value), int(at or 0) / 1000.0
        else:
            memory[pod] = float(value)
    return {pod: PodSample(used, memory.get(pod), 0.0, at) for pod, (used, at) in cpu.items()}


def read_cadvisor(text: bytes) -> dict[Pod, PodSample]:
    """The answer of `/metrics/cadvisor`: the same, with throttling summed over the Pod's containers."""
    cpu: dict[Pod, tuple[float, float]] = {}
    memory: dict[Pod, float] = {}
    throttled: dict[Pod, float] = {}
    for family, container, name, namespace, pod_name, value, at in _CADVISOR.findall(text):
        pod = namespace.decode(), pod_name.decode()
        whole = not container and not name
        if family == b"cpu_cfs_throttled_seconds_total":
            # The Pod's own group repeats what its containers count, where it has a limit itself.
            if container:
                throttled[pod] = throttled.get(pod, 0.0) + float(value)
        elif whole and family.startswith(b"cpu"):
            cpu[pod] = float(value), int(at or 0) / 1000.0
        elif whole:
            memory[pod] = float(value)
    return {
        pod: PodSample(used, memory.get(pod), throttled.get(pod, 0.0), at) for pod, (used, at) in cpu.items()
    }
