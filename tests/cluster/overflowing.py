"""An application whose one cluster has room for two members at home and for three in another cloud."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.autoscale_process import AutoscaleProcess
from tests.cluster import applications
from tests.demo import ROOT
from tests.soak.bursting import Bursting

DOCUMENTS = """
apiVersion: altostratus/v1
kind: Application
name: {name}
loadBalancer: entrance
deployment: home-first
cartridges:
  - {{alias: web, cartridge: light, members: {{min: 1, max: 5}}, autoscaling: by-rate}}
---
apiVersion: altostratus/v1
kind: Cartridge
name: light
build: {{context: {nginx}}}
security: {{user: 10001, group: 10001, readOnlyRoot: true}}
volumes: [{{name: scratch, size: 16Mi}}]
mounts: [{{volume: scratch, path: /tmp}}]
files:
  - path: /etc/altostratus/site.conf
    content: |
      server {{
        listen 8080 default_server;
        keepalive_timeout 75s;
        location / {{ add_header X-Member $hostname; return 200 "ok\\n"; }}
      }}
ports: [{{name: http, port: 8080, protocol: http, proxyPort: 80}}]
probes: {{readiness: {{http: {{path: /}}, period: 1s}}}}
resources: {{requests: {{cpu: 10m, memory: 16Mi}}, limits: {{memory: 64Mi}}}}
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: home
cloud: {home}
partitions: [{{name: room}}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: rented
cloud: {away}
partitions: [{{name: room}}]
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: home-first
hold: 5s
networkPartitions:
  - {{name: home, partitions: [{{name: room, max: 2}}]}}
  - {{name: rented, partitions: [{{name: room, max: 3}}]}}
---
apiVersion: altostratus/v1
kind: LoadBalancer
name: entrance
driver: haproxy
replicas: {{min: 1, max: 1}}
---
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: by-rate
thresholds: {{requestRate: 10}}
damping: {{settle: 5s}}
"""


@dataclass
class Overflowing(Bursting):
    """One address at home, no front door."""

    def make(self) -> AutoscaleProcess:
        folder = self.folder.resolve()
        nginx = Path(*[".."] * len(folder.parts[1:]), *ROOT.parts[1:], "blueprints", "library", "nginx")
        blueprint = folder / f"{self.name}.yaml"
        blueprint.write_text(DOCUMENTS.format(name=self.name, home=self.home, away=self.away, nginx=nginx))
        applications.make(self.demo, self.name, blueprint, self.name)
        file = folder / "settings.yaml"
        file.write_text(yaml.safe_dump({"serve": {"port": 0}}))
        return AutoscaleProcess(self.demo, self.name, file, self.log)

    def url(self) -> str:
        return str(self.cli.outputs(f"app-{self.name}")["urls"][0])

    def members(self, cloud: str) -> set[str]:
        """The names of the members that are in a cloud."""
        listed = self.demo.at(cloud).kubectl(
            "get", "pods", "--namespace", f"app-{self.name}", "--selector", "altostratus.dev/cluster=web"
        )
        return {each["metadata"]["name"] for each in listed["items"]}

    def history(self) -> list[dict[str, Any]]:
        """What the journal says, oldest first."""
        story = json.loads(self.demo.alto("explain", self.name, "--json", "--limit", "300").stdout)
        return list(reversed(story["history"]))

    def links(self) -> list[str]:
        """What leads from home to another cloud."""
        listed = self.demo.kubectl(
            "get", "deployments,services,configmaps,secrets", "--namespace", f"app-{self.name}",
            "--selector", f"altostratus.dev/link={self.away}",
        )  # fmt: skip
        return [each["metadata"]["name"] for each in listed["items"]]
