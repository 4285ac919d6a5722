"""The inputs of a container: which are honoured, their defaults, what a change of each means."""

import re
from collections.abc import Iterator
from typing import Any

from toolchain.plugins.docker.durations import nanoseconds
from toolchain.plugins.protocol import UNKNOWN, CheckFailure, Properties

ALLOWED = {
    "attach": None,
    "capabilities": ("adds", "drops"),
    "cgroupParent": None,
    "cgroupnsMode": None,
    "command": None,
    "containerReadRefreshTimeoutMilliseconds": None,
    "cpuPeriod": None,
    "cpuQuota": None,
    "cpuSet": None,
    "cpuShares": None,
    "cpus": None,
    "destroyGraceSeconds": None,
    "deviceCgroupRules": None,
    "devices": ("hostPath", "containerPath", "permissions"),
    "dns": None,
    "dnsOpts": None,
    "dnsSearches": None,
    "domainname": None,
    "entrypoints": None,
    "envs": None,
    "groupAdds": None,
    "healthcheck": ("tests", "interval", "timeout", "startPeriod", "retries"),
    "hostname": None,
    "hosts": ("host", "ip"),
    "image": None,
    "init": None,
    "ipcMode": None,
    "labels": ("label", "value"),
    "logDriver": None,
    "logOpts": None,
    "logs": None,
    "maxRetryCount": None,
    "memory": None,
    "memoryReservation": None,
    "memorySwap": None,
    "mounts": ("target", "type", "source", "readOnly", "bindOptions", "tmpfsOptions", "volumeOptions"),
    "mustRun": None,
    "name": None,
    "networkMode": None,
    "networksAdvanced": ("name", "aliases", "ipv4Address", "ipv6Address"),
    "pidMode": None,
    "platform": None,
    "ports": ("internal", "external", "ip", "protocol"),
    "privileged": None,
    "publishAllPorts": None,
    "readOnly": None,
    "removeVolumes": None,
    "restart": None,
    "rm": None,
    "runtime": None,
    "securityOpts": None,
    "shmSize": None,
    "start": None,
    "stdinOpen": None,
    "stopSignal": None,
    "stopTimeout": None,
    "storageOpts": None,
    "sysctls": None,
    "tmpfs": None,
    "tty": None,
    "ulimits": ("name", "soft", "hard"),
    "uploads": (
        "file",
        "content",
        "contentBase64",
        "source",
        "sourceHash",
        "executable",
        "permissions",
        "owner",
        "group",
    ),
    "user": None,
    "usernsMode": None,
    "volumes": ("containerPath", "hostPath", "volumeName", "readOnly", "fromContainer"),
    "wait": None,
    "waitTimeout": None,
    "workingDir": None,
}

LIMITS = frozenset(
    {
        "cpuPeriod",
        "cpuQuota",
        "cpuSet",
        "cpuShares",
        "cpus",
        "maxRetryCount",
        "memory",
        "memoryReservation",
        "memorySwap",
        "restart",
    }
)
"""What the engine can change of a container that runs."""

BOOKKEEPING = frozenset(
    {
        "attach",
        "containerReadRefreshTimeoutMilliseconds",
        "destroyGraceSeconds",
        "logs",
        "removeVolumes",
        "rm",
        "start",
        "wait",
        "waitTimeout",
    }
)
"""What steers this plugin only; kept for the next operation, no change of the container."""

IMMUTABLE = frozenset(ALLOWED) - LIMITS - BOOKKEEPING

SETS = frozenset(
    {
        "dns",
        "dnsOpts",
        "dnsSearches",
        "envs",
        "groupAdds",
        "hosts",
        "labels",
        "securityOpts",
        "ulimits",
        "volumes",
    }
)
"""Lists whose order says nothing."""

DEFAULTS: Properties = {
    "attach": False,
    "containerReadRefreshTimeoutMilliseconds": 15000,
    "logs": False,
    "mustRun": True,
    "networkMode": "bridge",
    "readOnly": False,
    "removeVolumes": True,
    "restart": "no",
    "rm": False,
    "start": True,
    "stdinOpen": False,
    "tty": False,
    "wait": False,
    "waitTimeout": 60,
}

_CHOICES = {
    "restart": ("no", "on-failure", "always", "unless-stopped"),
    "cgroupnsMode": ("private", "host"),
}
_CONTENTS = ("content", "contentBase64", "source")
_MODE = re.compile(r"0?[0-7]{3,4}")


def setting(inputs: Properties, key: str) -> Any:
    """An input, or the default that the vendor's plugin would fill in."""
    value = inputs.get(key)
    return DEFAULTS.get(key) if value is None else value


def problems(news: Properties) -> Iterator[CheckFailure]:
    """What is wrong with inputs that are known."""
    for key, choices in _CHOICES.items():
        value = news.get(key)
        if isinstance(value, str) and value not in choices:
            yield CheckFailure(key, f"{key} is {value!r}; it must be one of: {', '.join(choices)}")
    for index, upload in enumerate(_items(news, "uploads")):
        yield from _upload_problems(f"uploads[{index}]", upload)
    for index, mount in enumerate(_items(news, "mounts")):
        if mount.get("type") not in ("bind", "volume", "tmpfs", UNKNOWN):
            yield CheckFailure(
                f"mounts[{index}].type", f"type is {mount.get('type')!r}; it must be bind, volume or tmpfs"
            )
    for index, volume in enumerate(_items(news, "volumes")):
        if volume.get("hostPath") and volume.get("volumeName"):
            yield CheckFailure(
                f"volumes[{index}]", "a volume comes from hostPath or from volumeName, not from both"
            )
        if not volume.get("containerPath") and not volume.get("fromContainer"):
            yield CheckFailure(f"volumes[{index}].containerPath", "say where in the container it is mounted")
    envs = news.get("envs")
    for index, env in enumerate(envs if isinstance(envs, list) else ()):
        if isinstance(env, str) and "=" not in env:
            yield CheckFailure(f"envs[{index}]", f"{env!r} is not of the form NAME=VALUE")
    healthcheck = news.get("healthcheck")
    if isinstance(healthcheck, dict):
        for key in ("interval", "timeout", "startPeriod"):
            value = healthcheck.get(key)
            if isinstance(value, str) and nanoseconds(value) is None:
                yield CheckFailure(
                    f"healthcheck.{key}", f"{value!r} is not a duration like 500ms, 10s or 1m30s"
                )


def _upload_problems(place: str, upload: Properties) -> Iterator[CheckFailure]:
    given = [key for key in _CONTENTS if upload.get(key) is not None]
    if len(given) != 1:
        found = "none of them is" if not given else f"{' and '.join(given)} are"
        yield CheckFailure(place, f"give exactly one of content, contentBase64 and source; {found} set")
    file = upload.get("file")
    if isinstance(file, str) and not file.startswith("/"):
        yield CheckFailure(f"{place}.file", f"{file!r} must be an absolute path in the container")
    mode = upload.get("permissions")
    if isinstance(mode, str) and not _MODE.fullmatch(mode):
        yield CheckFailure(f"{place}.permissions", f"{mode!r} must be octal digits such as 0644")
    for key in ("owner", "group"):
        value = upload.get(key)
        if isinstance(value, str) and not value.isdigit():
            yield CheckFailure(f"{place}.{key}", f"{value!r} must be a numeric id; names are not looked up")


def _items(news: Properties, key: str) -> list[Properties]:
    value = news.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
