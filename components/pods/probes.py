"""Probes in Kubernetes' words."""

import math
from collections.abc import Sequence
from typing import Any

from blueprints.kinds.ports import Port
from blueprints.kinds.probes import Probe, Probes
from blueprints.quantities import Duration

_ENCRYPTED = {"https", "tls"}


def probes(declared: Probes, ports: Sequence[Port]) -> dict[str, Any]:
    """The container fields startupProbe, readinessProbe and livenessProbe, as far as they are declared."""
    fields: dict[str, Any] = {}
    for name in ("startup", "readiness", "liveness"):
        probe: Probe | None = getattr(declared, name)
        if probe is None:
            continue
        fields[f"{name}Probe"] = {
            **_check(probe, ports),
            "initialDelaySeconds": math.ceil(probe.delay.seconds),
            "periodSeconds": _seconds(probe.period),
            "timeoutSeconds": _seconds(probe.timeout),
            "failureThreshold": probe.failures,
            # Kubernetes takes another number for readiness only.
            "successThreshold": probe.successes if name == "readiness" else 1,
        }
    return fields


def _check(probe: Probe, ports: Sequence[Port]) -> dict[str, Any]:
    if probe.http is not None:
        port = _port(ports, probe.http.port)
        check: dict[str, Any] = {
            "path": probe.http.path,
            "port": port.port,
            "scheme": "HTTPS" if port.protocol in _ENCRYPTED else "HTTP",
        }
        if probe.http.headers:
            check["httpHeaders"] = [{"name": n, "value": v} for n, v in probe.http.headers.items()]
        return {"httpGet": check}
    if probe.tcp is not None:
        return {"tcpSocket": {"port": _port(ports, probe.tcp.port).port}}
    if probe.grpc is not None:
        service = {"service": probe.grpc.service} if probe.grpc.service else {}
        return {"grpc": {"port": _port(ports, probe.grpc.port).port, **service}}
    return {"exec": {"command": list(probe.command or ())}}


def _port(ports: Sequence[Port], name: str | None) -> Port:
    return next(port for port in ports if name is None or port.name == name)


def _seconds(duration: Duration) -> int:
    return max(1, math.ceil(duration.seconds))
