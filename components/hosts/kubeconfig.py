"""Kubeconfig documents: for the cluster's own parts (paths) and for people (all inline)."""

import base64

import yaml

LOCAL_API = "https://127.0.0.1:7443"
"""Where every host's own balancer listens; behind it are all control planes."""


def part_kubeconfig(user: str, certificate: str, key: str, authority: str) -> str:
    """A kubeconfig on a host: the three files are paths, so renewed certificates need no new one."""
    return _document(
        user,
        {"kubernetes": {"server": LOCAL_API, "certificate-authority": authority}},
        {"client-certificate": certificate, "client-key": key},
    )


def admin_kubeconfig(cloud: str, servers: dict[str, str], authority: str, certificate: str, key: str) -> str:
    """A kubeconfig for the workstation, with all certificates (PEM) inline.

    `servers` maps a control plane's name to its URL. The first is the current context, named after
    the cloud; the others are there to switch to while the first is down (`<cloud>-<host>`).
    """
    clusters = {
        cloud if index == 0 else f"{cloud}-{name}": {
            "server": url,
            "certificate-authority-data": _encoded(authority),
        }
        for index, (name, url) in enumerate(servers.items())
    }
    return _document(
        f"{cloud}-admin",
        clusters,
        {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)},
    )


def _document(user: str, clusters: dict[str, dict[str, str]], credentials: dict[str, str]) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster} for name, cluster in clusters.items()],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": user}} for name in clusters],
            "current-context": next(iter(clusters)),
        },
        sort_keys=False,
    )


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
