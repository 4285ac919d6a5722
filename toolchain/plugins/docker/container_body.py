"""A container's inputs as the body of the engine's create call, and its limits as an update's."""

from collections.abc import Iterable
from typing import Any

from toolchain.plugins.docker.container_fields import setting
from toolchain.plugins.docker.durations import nanoseconds
from toolchain.plugins.docker.inputs import labels, text_map
from toolchain.plugins.protocol import Properties

MEGABYTE = 1024 * 1024
NANO = 10**9
UNMASKED = "systempaths=unconfined"  # the command line's word; the API knows only the paths themselves


def create_body(news: Properties) -> dict[str, Any]:
    """The body of POST /containers/create. Networks beyond the first are connected afterwards."""
    volumes = _objects(news, "volumes")
    ports = _objects(news, "ports")
    networks = _objects(news, "networksAdvanced")
    return {
        "Image": news["image"],
        "Hostname": news.get("hostname") or "",
        "Domainname": news.get("domainname") or "",
        "Tty": setting(news, "tty"),
        "OpenStdin": setting(news, "stdinOpen"),
        "Env": news.get("envs") or [],
        "Cmd": news.get("command"),
        "Entrypoint": news.get("entrypoints"),
        "User": news.get("user") or "",
        "WorkingDir": news.get("workingDir") or "",
        "Labels": labels(news.get("labels")),
        "ExposedPorts": {_port_key(port): {} for port in ports},
        # Paths without a source become anonymous volumes.
        "Volumes": {
            volume["containerPath"]: {}
            for volume in volumes
            if volume.get("containerPath") and not volume.get("hostPath") and not volume.get("volumeName")
        },
        "Healthcheck": _healthcheck(news.get("healthcheck")),
        **_present({"StopSignal": news.get("stopSignal"), "StopTimeout": news.get("stopTimeout")}),
        "HostConfig": _host_config(news, volumes, ports, networks),
        "NetworkingConfig": {
            "EndpointsConfig": {network["name"]: _endpoint(network) for network in networks[:1]}
        },
    }


def limits(news: Properties) -> dict[str, Any]:
    """What can change while a container runs, in the engine's units. Without swap given, as much swap
    as memory is allowed, the engine's own rule."""
    memory = int(news.get("memory") or 0) * MEGABYTE
    swap = news.get("memorySwap")
    cpus = float(news.get("cpus") or 0)
    return {
        "Memory": memory,
        "MemorySwap": -1 if swap == -1 else int(swap or 0) * MEGABYTE,
        "MemoryReservation": int(news.get("memoryReservation") or 0) * MEGABYTE,
        "CpuShares": int(news.get("cpuShares") or 0),
        "CpuPeriod": 0 if cpus else int(news.get("cpuPeriod") or 0),
        "CpuQuota": 0 if cpus else int(news.get("cpuQuota") or 0),
        "NanoCpus": round(cpus * NANO),
        "CpusetCpus": news.get("cpuSet") or "",
        "RestartPolicy": {
            "Name": setting(news, "restart"),
            "MaximumRetryCount": int(news.get("maxRetryCount") or 0),
        },
    }


def _port_key(port: Properties) -> str:
    return f"{int(port['internal'])}/{port.get('protocol') or 'tcp'}"


def _endpoint(network: Properties) -> dict[str, Any]:
    addresses = _present(
        {"IPv4Address": network.get("ipv4Address"), "IPv6Address": network.get("ipv6Address")}
    )
    return {"Aliases": network.get("aliases") or [], "IPAMConfig": addresses or None}


def _host_config(
    news: Properties, volumes: list[Properties], ports: list[Properties], networks: list[Properties]
) -> dict[str, Any]:
    capabilities = news.get("capabilities") or {}
    security = [option for option in news.get("securityOpts") or [] if option != UNMASKED]
    unmasked = UNMASKED in (news.get("securityOpts") or [])
    return {
        **limits(news),
        "AutoRemove": setting(news, "rm"),
        "Binds": [_bind(volume) for volume in volumes if volume.get("hostPath") or volume.get("volumeName")],
        "CapAdd": capabilities.get("adds") or [],
        "CapDrop": capabilities.get("drops") or [],
        "DeviceCgroupRules": news.get("deviceCgroupRules") or [],
        "Devices": [_device(device) for device in _objects(news, "devices")],
        "Dns": news.get("dns") or [],
        "DnsOptions": news.get("dnsOpts") or [],
        "DnsSearch": news.get("dnsSearches") or [],
        "ExtraHosts": [f"{host['host']}:{host['ip']}" for host in _objects(news, "hosts")],
        "GroupAdd": news.get("groupAdds") or [],
        "LogConfig": {"Type": news.get("logDriver") or "", "Config": text_map(news.get("logOpts"))},
        "Mounts": [_mount(mount) for mount in _objects(news, "mounts")],
        "PortBindings": _port_bindings(ports),
        "Privileged": bool(news.get("privileged")),
        "PublishAllPorts": bool(news.get("publishAllPorts")),
        "ReadonlyRootfs": setting(news, "readOnly"),
        "SecurityOpt": security,
        "StorageOpt": text_map(news.get("storageOpts")),
        "Sysctls": text_map(news.get("sysctls")),
        "Tmpfs": text_map(news.get("tmpfs")),
        "Ulimits": [
            {"Name": limit["name"], "Soft": int(limit["soft"]), "Hard": int(limit["hard"])}
            for limit in _objects(news, "ulimits")
        ],
        "VolumesFrom": [volume["fromContainer"] for volume in volumes if volume.get("fromContainer")],
        **({"MaskedPaths": [], "ReadonlyPaths": []} if unmasked else {}),
        **_present(
            {
                "CgroupParent": news.get("cgroupParent"),
                "CgroupnsMode": news.get("cgroupnsMode"),
                "Init": news.get("init"),
                "IpcMode": news.get("ipcMode"),
                # Started on the first of its networks, it never touches the engine's default bridge.
                "NetworkMode": news.get("networkMode") or (networks[0]["name"] if networks else None),
                "PidMode": news.get("pidMode"),
                "Runtime": news.get("runtime"),
                "ShmSize": int(news["shmSize"]) * MEGABYTE if news.get("shmSize") else None,
                "UsernsMode": news.get("usernsMode"),
            }
        ),
    }


def _bind(volume: Properties) -> str:
    source = volume.get("hostPath") or volume.get("volumeName")
    return f"{source}:{volume['containerPath']}:{'ro' if volume.get('readOnly') else 'rw'}"


def _device(device: Properties) -> dict[str, str]:
    return {
        "PathOnHost": device["hostPath"],
        "PathInContainer": device.get("containerPath") or device["hostPath"],
        "CgroupPermissions": device.get("permissions") or "rwm",
    }


def _mount(mount: Properties) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Type": mount["type"],
        "Target": mount["target"],
        "Source": mount.get("source") or "",
        "ReadOnly": bool(mount.get("readOnly")),
    }
    bind, volume, tmpfs = (mount.get(key) or {} for key in ("bindOptions", "volumeOptions", "tmpfsOptions"))
    if bind.get("propagation"):
        body["BindOptions"] = {"Propagation": bind["propagation"]}
    if volume:
        driver = {"Name": volume.get("driverName") or "", "Options": text_map(volume.get("driverOptions"))}
        body["VolumeOptions"] = {
            "NoCopy": bool(volume.get("noCopy")),
            "Labels": labels(volume.get("labels")),
            "DriverConfig": driver if driver["Name"] else None,
        }
    if tmpfs:
        sizes = {"SizeBytes": tmpfs.get("sizeBytes"), "Mode": tmpfs.get("mode")}
        body["TmpfsOptions"] = {key: int(value) for key, value in _present(sizes).items()}
    return body


def _port_bindings(ports: Iterable[Properties]) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        external = port.get("external")
        bindings.setdefault(_port_key(port), []).append(
            {"HostIp": port.get("ip") or "0.0.0.0", "HostPort": str(int(external)) if external else ""}  # noqa: S104 - the vendor's default
        )
    return bindings


def _healthcheck(healthcheck: Properties | None) -> dict[str, Any] | None:
    if not healthcheck:
        return None
    return {
        "Test": healthcheck.get("tests") or [],
        "Interval": nanoseconds(healthcheck.get("interval") or "0s") or 0,
        "Timeout": nanoseconds(healthcheck.get("timeout") or "0s") or 0,
        "StartPeriod": nanoseconds(healthcheck.get("startPeriod") or "0s") or 0,
        "Retries": int(healthcheck.get("retries") or 0),
    }


def _objects(news: Properties, key: str) -> list[Properties]:
    return [item for item in news.get(key) or [] if isinstance(item, dict)]


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
