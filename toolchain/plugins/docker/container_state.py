"""What the engine says of a container, as the resource's outputs."""

from typing import Any

from toolchain.plugins.docker.container_body import MEGABYTE, NANO
from toolchain.plugins.docker.container_fields import ALLOWED, DEFAULTS, LIMITS
from toolchain.plugins.docker.inputs import label_list
from toolchain.plugins.protocol import UNKNOWN, Properties

_WATCHED = ("memory", "restart")  # looked at even where the program does not set them
COMPUTED = ("bridge", "containerLogs", "exitCode", "networkDatas")


def preview_state(news: Properties) -> Properties:
    """The outputs as far as a preview knows them."""
    known = {key: value for key, value in news.items() if key in ALLOWED}
    guessed = dict.fromkeys(("hostname", *COMPUTED, "ipcMode", "logDriver", "runtime", "shmSize"), UNKNOWN)
    return {**DEFAULTS, **guessed, **known}


def live_state(news: Properties, live: dict[str, Any], logs: str = "") -> Properties:
    """The outputs of a container that exists."""
    config, host, state = live["Config"], live["HostConfig"], live["State"]
    network = live.get("NetworkSettings") or {}
    inputs = {key: value for key, value in news.items() if key in ALLOWED and value is not None}
    return {
        **DEFAULTS,
        **inputs,
        "name": str(live["Name"]).lstrip("/"),
        "image": live["Image"],
        "hostname": config.get("Hostname", ""),
        "command": inputs.get("command", config.get("Cmd") or []),
        "entrypoints": inputs.get("entrypoints", config.get("Entrypoint") or []),
        "envs": inputs.get("envs", config.get("Env") or []),
        "labels": inputs.get("labels", label_list(config.get("Labels"))),
        "ipcMode": host.get("IpcMode", ""),
        "logDriver": (host.get("LogConfig") or {}).get("Type", ""),
        "runtime": host.get("Runtime", ""),
        "shmSize": int(host.get("ShmSize") or 0) // MEGABYTE,
        "stopSignal": config.get("StopSignal") or "",
        "init": bool(host.get("Init")),
        **live_limits(host),
        "bridge": network.get("Bridge", ""),
        "networkDatas": [
            _network(name, data) for name, data in sorted((network.get("Networks") or {}).items())
        ],
        "exitCode": int(state.get("ExitCode") or 0),
        "containerLogs": logs,
    }


def live_limits(host: dict[str, Any]) -> Properties:
    """The limits that hold, in the inputs' units; those that are not set are left out."""
    swap = int(host.get("MemorySwap") or 0)
    memory = int(host.get("Memory") or 0)
    policy = host.get("RestartPolicy") or {}
    cpus = int(host.get("NanoCpus") or 0) / NANO
    values: Properties = {
        "memory": memory // MEGABYTE,
        # Unasked, the engine sets it to twice the memory.
        "memorySwap": -1 if swap == -1 else 0 if swap == 2 * memory else swap // MEGABYTE,
        "memoryReservation": int(host.get("MemoryReservation") or 0) // MEGABYTE,
        "cpuShares": int(host.get("CpuShares") or 0),
        "cpuPeriod": int(host.get("CpuPeriod") or 0),
        "cpuQuota": int(host.get("CpuQuota") or 0),
        "cpus": f"{cpus:g}" if cpus else "",
        "cpuSet": host.get("CpusetCpus") or "",
        "maxRetryCount": int(policy.get("MaximumRetryCount") or 0),
        "restart": policy.get("Name") or "no",
    }
    return {key: value for key, value in values.items() if value or key == "restart"}


def refreshed_inputs(inputs: Properties, live: dict[str, Any], wanted_networks: list[str]) -> Properties:
    """The inputs as the live container has them, so that the next update sees what was changed by hand.

    `wanted_networks` are the names of the networks in the inputs that it is still connected to.
    """
    found = live_limits(live["HostConfig"])
    fresh = dict(inputs)
    for key in sorted(LIMITS):
        # What the program leaves open is the engine's to choose (swap is, for one).
        if inputs.get(key) is None and key not in _WATCHED:
            continue
        if (inputs.get(key) or DEFAULTS.get(key) or None) != (found.get(key) or None):
            fresh[key] = found.get(key)
    name = str(live["Name"]).lstrip("/")
    if inputs.get("name") != name:
        fresh["name"] = name
    networks = inputs.get("networksAdvanced")
    if isinstance(networks, list):
        fresh["networksAdvanced"] = [network for network in networks if network["name"] in wanted_networks]
    return fresh


def imported_inputs(live: dict[str, Any]) -> Properties:
    """Inputs for a container that is being imported: enough to describe it to a program."""
    config = live["Config"]
    networks = sorted((live.get("NetworkSettings") or {}).get("Networks") or {})
    inputs: Properties = {
        "name": str(live["Name"]).lstrip("/"),
        "image": live["Image"],
        "labels": label_list(config.get("Labels")),
        **{
            key: value for key, value in live_limits(live["HostConfig"]).items() if value != DEFAULTS.get(key)
        },
    }
    if networks and networks != ["bridge"]:
        inputs["networksAdvanced"] = [{"name": name} for name in networks]
    return inputs


def _network(name: str, data: dict[str, Any]) -> Properties:
    return {
        "networkName": name,
        "ipAddress": data.get("IPAddress", ""),
        "ipPrefixLength": data.get("IPPrefixLen", 0),
        "gateway": data.get("Gateway", ""),
        "globalIpv6Address": data.get("GlobalIPv6Address", ""),
        "globalIpv6PrefixLength": data.get("GlobalIPv6PrefixLen", 0),
        "ipv6Gateway": data.get("IPv6Gateway", ""),
        "macAddress": data.get("MacAddress", ""),
    }
