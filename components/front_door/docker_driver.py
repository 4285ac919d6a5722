"""A front door as a container of the local Docker engine: our balancer's image, following files.

It runs on the machine's own network, as only that reaches the networks of all clouds, and listens on the
address it is told. What changes is a file: an update of the stack makes no new container.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any

import pulumi
import pulumi_docker as docker

from blueprints.balancing.front import CONTROL, PLACES, TOKEN
from components.engine_image import engine_image
from components.front_door.balancer_files import LISTENER, balancer_files
from components.front_door.driver import Front, Made, Place
from components.hosts.certificates import AUTHORITY_HOURS, CERTIFICATE_HOURS, RENEW_BEFORE_HOURS
from components.hosts.host_image import build_context
from components.hosts.pki import Certificate, CertificateAuthority, Password
from components.kept_files import KeptFiles
from components.load_balancer.images import AGENT

FRONT_LABEL = "altostratus.front"
ROLE_LABEL = "altostratus.role"
ROLE = "front-door"
LOOPBACK = "127.0.0.1"

_FOLDER = "/etc/altostratus"
_RUN = "/run/altostratus"
_TOKEN_LENGTH = 40
_MEMORY_MIB = 512
# It goes on serving for `draining` after it is told to end; the agent needs a moment more.
_STOP_SECONDS = 45


class DockerFront:
    """Front doors of this machine's engine."""

    def problems(self, front: Front) -> Sequence[str]:
        """What it cannot do of that, in words. Pure."""
        return list(_problems(front))

    def create(self, front: Front, place: Place, parent: pulumi.Resource) -> Made:
        """Register the files and the container."""
        return _Making(front, place, parent).made


def _problems(front: Front) -> Sequence[str]:
    found = []
    for key, port in (("port", front.port), ("statePort", front.state_port)):
        if not 1024 <= port <= 65535:
            found.append(f"{key} is {port}; a front door without rights of its own takes 1024 to 65535")
    if front.port == front.state_port:
        found.append(f"port and statePort are both {front.port}; they need to differ")
    try:
        IPv4Address(front.listen)
    except ValueError:
        found.append(f"listen is {front.listen!r}; it must be an IPv4 address of this machine, or 0.0.0.0")
    for key in front.options:
        found.append(f"options.{key} is no option of the driver docker, which has none")
    return found


class _Making:
    def __init__(self, front: Front, place: Place, parent: pulumi.Resource) -> None:
        self._front, self._place = front, place
        self._name = f"front-{front.application}"
        self._children = pulumi.ResourceOptions(parent=parent)
        token = Password(f"{self._name}-token", length=_TOKEN_LENGTH, opts=self._children)
        authority = CertificateAuthority(
            f"{self._name}-ca",
            common_name=f"front door of {front.application}",
            validity_hours=AUTHORITY_HOURS,
            opts=self._children,
        )
        files = KeptFiles(
            f"{self._name}-files",
            folder=str(place.folder),
            owner=place.owner,
            files={
                **{f"balancer/{name}": text for name, text in balancer_files(front).items()},
                **self._certificates(authority),
                TOKEN: token.value,
            },
            opts=self._children,
        )
        container = self._container(files)
        urls = [f"{front.scheme}://{host}:{front.port}" for host in self._shown()]
        self.made = Made(
            # Whoever uses the address waits for the container.
            container.id.apply(lambda _: urls),
            "file",
            {
                "folder": str(place.folder),
                "state": f"https://{LOOPBACK}:{front.state_port}",
                "token": pulumi.Output.secret(token.value),
                "authority": pulumi.Output.unsecret(authority.certificate),
                "places": list(PLACES),
                "settles": 1.0,
            },
        )

    def _shown(self) -> list[str]:
        front = self._front
        return [LOOPBACK if front.listen == str(IPv4Address(0)) else front.listen, *front.hosts]

    def _certificates(self, authority: CertificateAuthority) -> Mapping[str, pulumi.Input[str]]:
        found = self._pair("state", self._issued(authority, "state", (), [LOOPBACK]))
        if self._front.scheme == "http":
            return found
        given = self._front.certificate
        folder = f"certificates/{LISTENER}"
        if given is not None:
            secret = self._place.secret
            wanted_by = "altostratus:front"
            return {
                **found,
                f"{folder}/tls.crt": secret(given.certificate, wanted_by),
                f"{folder}/tls.key": secret(given.key, wanted_by),
            }
        addresses = list(dict.fromkeys([LOOPBACK, self._front.listen]))
        return {
            **found,
            **self._pair(folder, self._issued(authority, LISTENER, self._front.hosts, addresses)),
        }

    def _issued(
        self, authority: CertificateAuthority, role: str, hosts: Sequence[str], addresses: Sequence[str]
    ) -> Certificate:
        return Certificate(
            f"{self._name}-cert-{role}",
            ca_certificate=authority.certificate,
            ca_private_key=authority.private_key,
            common_name=self._name,
            dns_names=[*hosts, self._name],
            ip_addresses=list(addresses),
            usages=["server"],
            validity_hours=CERTIFICATE_HOURS,
            renew_before_hours=RENEW_BEFORE_HOURS,
            opts=self._children,
        )

    @staticmethod
    def _pair(folder: str, issued: Certificate) -> dict[str, pulumi.Input[str]]:
        return {f"{folder}/tls.crt": issued.certificate, f"{folder}/tls.key": issued.private_key}

    def _image(self) -> docker.Image:
        return engine_image(
            f"{self._name}-image", build_context("balancer-haproxy", (AGENT,)), self._children
        )

    def _container(self, files: KeptFiles) -> docker.Container:
        owner = self._place.owner
        return docker.Container(
            # Named after this by Pulumi: a successor stands beside it, and both have the ports for a moment.
            f"alto-{self._name}",
            image=self._image().image_name,
            user=f"{owner}:{owner}",
            network_mode="host",
            restart="unless-stopped",
            read_only=True,
            tmpfs={
                _RUN: f"mode=0700,uid={owner},gid={owner},size=64m",
                "/tmp": "mode=1777,size=64m",  # noqa: S108
            },
            capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
            security_opts=["no-new-privileges"],
            memory=_MEMORY_MIB,
            log_driver="json-file",
            log_opts={"max-size": "20m", "max-file": "3"},
            stop_timeout=_STOP_SECONDS,
            destroy_grace_seconds=_STOP_SECONDS,
            envs=[
                f"ALTO_CONTROL_FILE={_FOLDER}/{CONTROL}",
                f"ALTO_STATE_LISTEN={LOOPBACK}:{self._front.state_port}",
                f"POD_NAME=alto-{self._name}",
            ],
            volumes=[
                docker.ContainerVolumeArgs(
                    host_path=str(self._place.folder), container_path=_FOLDER, read_only=True
                )
            ],
            # A folder that was made anew is another one: the container must be put on it.
            labels=[self._label(name, value) for name, value in self._labels(files).items()],
            opts=pulumi.ResourceOptions.merge(self._children, pulumi.ResourceOptions(depends_on=[files])),
        )

    def _labels(self, files: KeptFiles) -> dict[str, Any]:
        return {
            FRONT_LABEL: self._front.application,
            ROLE_LABEL: ROLE,
            "altostratus.files": files.id,
        }

    @staticmethod
    def _label(name: str, value: Any) -> docker.ContainerLabelArgs:
        return docker.ContainerLabelArgs(label=name, value=value)
