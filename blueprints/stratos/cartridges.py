"""Stratos cartridges become Cartridge documents that run in containers."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.runtime import ImageReference
from blueprints.names import HOSTNAME_PATTERN
from blueprints.stratos import sensitive
from blueprints.stratos.naming import alias_of, free, name_of, variable_of
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport
from blueprints.workspace import LIBRARY, library

STAND_IN = Path(__file__).parent / "stand_in"
ARTIFACT_PATH = "/srv/app"

_CPU_AMOUNT = r"[0-9]{1,5}m|[0-9]{1,4}(\.[0-9]{1,3})?"
_MEMORY_AMOUNT = r"[0-9]{1,9}(Ki|Mi|Gi|Ti|k|M|G|T)"

_CATEGORIES = {"data": "data", "lb": "loadBalancer", "loadbalancer": "loadBalancer"}
_PROTOCOLS = {"http", "https", "http2", "grpc", "tcp", "udp", "tls"}
_PROTOCOL_NAMES = {"ws": "websocket", "wss": "websocket", "ssl": "tls", "h2": "http2"}
_CONTAINER_PROVIDERS = ("kubernetes", "docker")
_IMAGE: TypeAdapter[str] = TypeAdapter(ImageReference)
_LOWEST_UNPRIVILEGED_PORT = 1024
_SHIFT = 8000


def choose(variants: list[Record], report: ImportReport) -> Record:
    """Of several cartridges of one type, the one made for containers, else the first."""

    def rank(record: Record) -> int:
        types = [p.text("type") for p in record.records("iaasProvider")]
        return 0 if any(t in _CONTAINER_PROVIDERS for t in types) else 1

    chosen = min(variants, key=rank)
    for other in variants:
        if other is not chosen:
            types = ", ".join(p.text("type") for p in other.records("iaasProvider")) or "no provider"
            report.add(
                "not carried over", other.file, other.line, f"cartridge {other.text('type')}",
                f"this variant for {types}; the one in {chosen.file} was taken",
            )  # fmt: skip
    return chosen


def family(name: str) -> str:
    """The built-in cartridge that does what one of this name does; empty where none does."""
    known = {n for kind, n in library() if kind == "Cartridge"}
    plain = {"mariadb": "mysql", "nodejs": "node", "httpd": "static", "apache": "static"}.get(name, name)
    for candidate in (plain, re.sub(r"-?[0-9]+$", "", plain)):
        if candidate in known:
            return candidate
    return ""


class CartridgeImport:
    """Makes one Cartridge document."""

    def __init__(self, record: Record, report: ImportReport) -> None:
        self.record, self.report = record, report
        self.name = name_of(record.text("type"))
        self.subject = f"cartridge {record.text('type')}"
        self.data: dict[str, Any] = {"name": self.name}

    def changed(self, text: str, line: int = 0) -> None:
        """Note a change."""
        self.report.add("changed", self.record.file, line or self.record.line, self.subject, text)

    def dropped(self, text: str, line: int = 0) -> None:
        """Note what is left behind."""
        self.report.add("not carried over", self.record.file, line or self.record.line, self.subject, text)

    def make(self, artifact: bool) -> Cartridge:
        """The document; `artifact` tells that an application gives it code or content."""
        record = self.record
        if self.name != record.text("type"):
            self.changed(
                f"its type becomes {self.name!r}, as names are lower case letters, digits and hyphens"
            )
        runtime = self._runtime()
        if runtime is None:
            template = self._template()
        else:
            template = {}
            self.data["image"] = runtime
        self.data = {**template, **self.data}
        self._words()
        stand_in = "PORTS" in template.get("environment", {})
        if stand_in or not template:
            self._ports(shift=stand_in)
        else:
            self._proxy_ports()
        self._properties()
        self._persistence()
        self._artifact(artifact)
        self._left_behind()
        if stand_in:
            self._serve_ports()
        return Cartridge.model_validate(self.data, by_name=False)

    def _words(self) -> None:
        record = self.record
        category = re.sub(r"[^a-z]", "", record.text("category").lower())
        self.data["category"] = _CATEGORIES.get(category, "application")
        for key, limit in (("displayName", 200), ("version", 64), ("provider", 200), ("description", 2000)):
            if record.text(key):
                self.data[key] = record.text(key)[:limit]
        if record.boolean("multiTenant"):
            self.data["multiTenant"] = True
        keys = [key for key, _ in record.texts("metadataKeys") if 0 < len(key) <= 253]
        if keys:
            self.data["metadataKeys"] = keys
        host = record.text("host").lower()
        if host and re.search(HOSTNAME_PATTERN, host) and len(host) <= 253:
            self.data["hostname"] = host
        elif host:
            self.dropped(f"host {host!r} is not a host name", record.line_of("host"))

    def _runtime(self) -> str | None:
        """The image to use as it is, or nothing where the software must come from elsewhere."""
        for provider in self.record.records("iaasProvider"):
            image = provider.text("imageId")
            if provider.text("type") not in _CONTAINER_PROVIDERS or not image:
                continue
            if image.startswith("stratos/"):
                self.changed(
                    f"the image {image} holds Stratos' agent, which waits for a message broker", provider.line
                )
                return None
            try:
                return _IMAGE.validate_python(image)
            except ValidationError:
                self.changed(f"{image!r} is not the name of a container image", provider.line)
                return None
        images = [p.text("imageId") for p in self.record.records("iaasProvider") if p.text("imageId")]
        listed = ", ".join(images) or "none"
        self.changed(f"it has images for virtual machines only ({listed}), which do not run in containers")
        return None

    def _template(self) -> dict[str, Any]:
        base = family(self.name)
        if base:
            found = library()["Cartridge", base].model
            if isinstance(found, Cartridge):
                self.changed(
                    f"the built-in cartridge {base} takes its place; put your own image there if you like"
                )
                self.report.copies[f"images/{base}"] = LIBRARY / base
                data = found.to_document()
                for key in ("apiVersion", "kind", "name"):
                    data.pop(key)
                data["build"] = {**data.get("build", {}), "context": f"../images/{base}"}
                return data
        self.changed("a stand-in that answers on its ports takes its place; set image to your own")
        self.report.copies["images/stand-in"] = STAND_IN
        return {
            "build": {"context": "../images/stand-in"},
            "environment": {"PORTS": "", "CARTRIDGE": self.name},
            "security": {"user": 10001},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        }

    def _ports(self, shift: bool) -> None:
        ports: list[dict[str, Any]] = []
        names: set[str] = set()
        inside: set[tuple[int, str]] = set()
        offered: set[tuple[int, str]] = set()
        for mapping in self.record.records("portMapping"):
            port = self._port(mapping, names, shift)
            if port is None:
                continue
            carrier = "udp" if port["protocol"] == "udp" else "tcp"
            if (port["port"], carrier) in inside:
                self.dropped(f"port {port['port']} is mapped twice; the first mapping is kept", mapping.line)
                continue
            inside.add((port["port"], carrier))
            if (port.get("proxyPort", port["port"]), carrier) in offered:
                self.changed(
                    f"proxy port {port.get('proxyPort')} has an owner; {port['port']} is offered as it is",
                    mapping.line,
                )
                port.pop("proxyPort", None)
            offered.add((port.get("proxyPort", port["port"]), carrier))
            ports.append(port)
        if ports:
            self.data["ports"] = ports
            self.data["probes"] = {"readiness": {"tcp": {"port": ports[0]["name"]}}}
            self.data["exports"] = {"host": {"value": "${host}"}, "port": {"value": "${port}"}}

    def _port(self, mapping: Record, names: set[str], shift: bool) -> dict[str, Any] | None:
        number = mapping.integer("port")
        if number is None or not 0 < number < 65536:
            self.dropped(f"{mapping.text('port')!r} is not a port", mapping.line_of("port"))
            return None
        spoken = mapping.text("protocol").lower()
        protocol = _PROTOCOL_NAMES.get(spoken, spoken)
        if protocol not in {*_PROTOCOLS, "websocket"}:
            self.changed(f"protocol {spoken or 'nothing'!r} becomes tcp", mapping.line_of("protocol"))
            protocol = "tcp"
        proxy = mapping.integer("proxyPort")
        if proxy is not None and not 0 < proxy < 65536:
            self.dropped(f"{proxy} is not a port", mapping.line_of("proxyPort"))
            proxy = None
        inner = number
        if shift and number < _LOWEST_UNPRIVILEGED_PORT:
            inner = number + _SHIFT
            self.changed(
                f"port {number} becomes {inner} in the member, which is not root; clients keep theirs",
                mapping.line_of("port"),
            )
        name = free(alias_of(mapping.text("name") or f"{protocol}-{number}", 15), names, 15)
        port: dict[str, Any] = {"name": name, "port": inner, "protocol": protocol}
        offered = proxy or number
        if offered != inner:
            port["proxyPort"] = offered
        if self._on_hosts(mapping):
            port["exposure"] = "node"
        return port

    def _on_hosts(self, mapping: Record) -> bool:
        """Whether a port is reached at the hosts' addresses, as it was on Kubernetes by default."""
        exposure = mapping.text("kubernetesPortType").lower()
        if exposure not in ("", "nodeport", "clusterip"):
            self.changed(
                f"kubernetesPortType {mapping.text('kubernetesPortType')!r} becomes ClusterIP",
                mapping.line_of("kubernetesPortType"),
            )
        kubernetes = any(p.text("type") in _CONTAINER_PROVIDERS for p in self.record.records("iaasProvider"))
        return exposure == "nodeport" or (not exposure and kubernetes)

    def _proxy_ports(self) -> None:
        """Offer a built-in cartridge's first port as Stratos did; others are not listened on."""
        mappings = self.record.records("portMapping")
        ports = [dict(port) for port in self.data.get("ports", ())]
        web = [m for m in mappings if m.text("protocol").lower() in ("http", "https", "tcp")]
        known = {port["port"] for port in ports} | {80, 8080, 443, 3306, 9763}
        match = next((m for m in web if m.integer("port") in known), None)
        if match is not None and ports:
            offered = match.integer("proxyPort") or match.integer("port")
            if (
                offered
                and 0 < offered < 65536
                and offered not in {p.get("proxyPort", p["port"]) for p in ports[1:]}
            ):
                ports[0]["proxyPort"] = offered
            if self._on_hosts(match):
                ports[0]["exposure"] = "node"
            self.data["ports"] = ports
        for mapping in mappings:
            if mapping is not match:
                self.dropped(
                    f"the built-in cartridge does not listen on port {mapping.text('port')}", mapping.line
                )

    def _serve_ports(self) -> None:
        ports = self.data.get("ports", [])
        environment = dict(self.data["environment"])
        environment["PORTS"] = " ".join(str(port["port"]) for port in ports) or "8080"
        self.data["environment"] = environment

    def _properties(self) -> None:
        environment: dict[str, Any] = dict(self.data.get("environment", {}))
        for name, value, line in self.record.properties("property", "properties"):
            key = name.upper()
            if name.startswith("payload_parameter."):
                variable = variable_of(name.removeprefix("payload_parameter."))
                if variable:
                    environment[variable] = sensitive.variable(
                        variable, value, self.name, self.record, line, self.subject, self.report
                    )
            elif key in ("KUBERNETES_CONTAINER_CPU", "KUBERNETES_CONTAINER_MEMORY"):
                self._resource(key, value, line)
            elif key == "KUBERNETES_SERVICE_SESSION_AFFINITY":
                if value == "ClientIP":
                    self.data["ports"] = [{**p, "sessionAffinity": True} for p in self.data.get("ports", ())]
            elif key == "IMAGE_PULL_POLICY" and value in ("IfNotPresent", "Always", "Never"):
                self.data["pullPolicy"] = value
            elif key == "IMAGE_PULL_SECRETS" and value:
                self.data["pullSecret"] = alias_of(value)
            else:
                self.dropped(f"the property {name!r} means nothing for containers", line)
        if environment:
            self.data["environment"] = environment

    def _resource(self, key: str, value: str, line: int) -> None:
        if value in ("", "0"):
            return
        cpu = key.endswith("CPU")
        if re.fullmatch(_CPU_AMOUNT if cpu else _MEMORY_AMOUNT, value):
            amount = value
        elif not cpu and re.fullmatch(r"[0-9]{4,15}", value):
            amount = f"{-(-int(value) // 1024)}Ki"
        else:
            self.dropped(f"{value!r} is not an amount", line)
            return
        resources = dict(self.data.get("resources", {}))
        resources.pop("requests", None)  # the built-in's own may be over the given limit
        resources["limits"] = {**resources.get("limits", {}), "cpu" if cpu else "memory": amount}
        self.data["resources"] = resources

    def _persistence(self) -> None:
        persistence = self.record.record("persistence")
        if persistence is None or not persistence.boolean("isRequired"):
            return
        claims: list[dict[str, Any]] = list(self.data.get("persistence", ()))
        names = {claim["name"] for claim in claims}
        for volume in persistence.records("volumes"):
            size = volume.number("size")
            path = volume.text("mappingPath")
            if not path.startswith("/"):
                path = f"/data/{len(claims) + 1}"
                self.changed(f"the volume has no mappingPath; it appears at {path}", volume.line)
            if volume.text("size") and (size is None or not 0 < size < 1_000_000):
                self.changed(f"size {volume.text('size')!r} becomes 1Gi", volume.line_of("size"))
            gigabytes = max(int(-(-size // 1)), 1) if size is not None and 0 < size < 1_000_000 else 1
            claims.append(
                {
                    "name": free(alias_of(volume.text("id") or f"data-{len(claims) + 1}"), names),
                    "path": path,
                    "size": f"{gigabytes}Gi",
                    "retain": not volume.boolean("removeOnTermination"),
                }
            )
            for key in ("device", "snapshotId", "volumeId"):
                if volume.text(key):
                    self.dropped(f"{key} of a virtual machine's volume", volume.line_of(key))
        if claims:
            self.data["persistence"] = claims

    def _artifact(self, needed: bool) -> None:
        deployment = self.record.record("deployment")
        base = deployment.text("baseDir") if deployment is not None else ""
        if "artifact" in self.data:
            return
        if base.startswith("/"):
            self.data["artifact"] = {"path": base}
        elif needed:
            self.data["artifact"] = {"path": ARTIFACT_PATH}
            self.changed(f"the application's code goes to {ARTIFACT_PATH}, as the cartridge names no folder")

    def _left_behind(self) -> None:
        for provider in self.record.records("iaasProvider"):
            kind = provider.text("type") or "an unnamed provider"
            settings = [name for name, _, _ in provider.properties("property")]
            if settings or provider.records("networkInterfaces"):
                self.dropped(f"settings of virtual machines at {kind}", provider.line)
        if self.record.text("loadBalancingIPType"):
            self.dropped(
                "loadBalancingIPType: a LoadBalancer document says who can reach it",
                self.record.line_of("loadBalancingIPType"),
            )


def stand_in_for(kind_name: str, report: ImportReport, users: Iterable[tuple[Path, int]]) -> Cartridge:
    """A cartridge for a type that no document describes."""
    name = name_of(kind_name)
    for file, line in users:
        report.add(
            "changed", file, line, f"cartridge {kind_name}",
            "no document describes this type; a stand-in that answers on port 8080 takes its place",
        )  # fmt: skip
    report.copies["images/stand-in"] = STAND_IN
    return Cartridge.model_validate(
        {
            "name": name,
            "build": {"context": "../images/stand-in"},
            "environment": {"PORTS": "8080", "CARTRIDGE": name},
            "security": {"user": 10001},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
            "ports": [{"name": "http", "port": 8080, "protocol": "http", "proxyPort": 80}],
            "probes": {"readiness": {"tcp": {"port": "http"}}},
            "artifact": {"path": ARTIFACT_PATH},
            "exports": {"host": {"value": "${host}"}, "port": {"value": "${port}"}},
        },
        by_name=False,
    )
