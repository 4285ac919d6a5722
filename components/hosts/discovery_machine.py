"""The Butane document of a machine of its own for the etcd discovery service. Pure."""

import json

from components.hosts.topology import Topology

_UNIT = """[Unit]
Description=etcd discovery, where the members of a new cluster meet
After=network-online.target
Wants=network-online.target

[Service]
EnvironmentFile=/etc/altostratus/discovery.env
ExecStart=/usr/local/lib/altostratus/serve
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""


def discovery_document(topology: Topology, certificate: str, private_key: str, files: dict[str, str]) -> str:
    """The document (Butane is YAML, and so is JSON); `files` are the driver's own, private to root."""
    wanted = {
        **files,
        "/etc/altostratus/discovery.key": private_key,
        "/etc/altostratus/discovery.crt": certificate,
        "/etc/altostratus/discovery.env": f"DISCOVERY_URL={topology.discovery_url}\n",
    }
    entries = [
        {"path": path, "mode": 0o600, "overwrite": True, "contents": {"inline": content}}
        for path, content in sorted(wanted.items())
    ]
    unit = {"name": "altostratus-discovery.service", "enabled": True, "contents": _UNIT}
    return json.dumps(
        {
            "variant": "fcos",
            "version": "1.4.0",
            "storage": {"files": entries},
            "systemd": {"units": [unit]},
        }
    )
