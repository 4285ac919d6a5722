"""Services that a cloud keeps beside its hosts: containers on its network, with its certificates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
import pulumi_docker as docker

from components.engine_image import engine_image
from components.hosts.certificates import CERTIFICATE_HOURS, RENEW_BEFORE_HOURS
from components.hosts.host_image import build_context
from components.hosts.pki import Certificate

CLOUD_LABEL = "altostratus.cloud"
ROLE_LABEL = "altostratus.role"


@dataclass(frozen=True)
class CloudSite:
    """Where a cloud's services live, and who vouches for them.

    `network` is the Docker network's name, `subnet` its range (CIDR); the authority signs what the
    services show, as PEM.
    """

    cloud: str
    network: pulumi.Output[str]
    subnet: pulumi.Output[str]
    ca_certificate: pulumi.Output[str]
    ca_private_key: pulumi.Output[str]

    def address(self, offset: int) -> pulumi.Output[str]:
        """The address `offset` places into the subnet."""
        return self.subnet.apply(lambda subnet: str(IPv4Network(subnet)[offset]))


@dataclass(frozen=True)
class Upload:
    """A file put into a container before it starts; `owner` is its numeric user and group."""

    path: str
    content: pulumi.Input[str]
    mode: str = "0444"
    owner: int = 0


def server_certificate(
    site: CloudSite, role: str, address: pulumi.Input[str], parent: pulumi.Resource
) -> Certificate:
    """A certificate for a service at `address`, signed by the cloud's authority."""
    return Certificate(
        f"{site.cloud}-cert-{role}",
        ca_certificate=site.ca_certificate,
        ca_private_key=site.ca_private_key,
        common_name=f"{role} of {site.cloud}",
        organizations=[],
        dns_names=[role],
        ip_addresses=[address],
        usages=["server"],
        validity_hours=CERTIFICATE_HOURS,
        renew_before_hours=RENEW_BEFORE_HOURS,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def service_image(cloud: str, role: str, parent: pulumi.Resource) -> docker.Image:
    """The image made from `toolchain/images/<role>`, kept in the local engine."""
    opts = pulumi.ResourceOptions(parent=parent)
    return engine_image(f"{cloud}-{role}-image", build_context(role, ()), opts)


def service_container(
    site: CloudSite,
    role: str,
    *,
    image: pulumi.Input[str],
    address: pulumi.Input[str],
    uploads: Sequence[Upload],
    volumes: Sequence[docker.ContainerVolumeArgs],
    parent: pulumi.Resource,
    user: str | None = None,
) -> docker.Container:
    """`alto-<cloud>-<role>` at `address`, as an ordinary user without capabilities.

    Its own files cannot be made read-only: the engine would refuse to put the uploads among them.
    """
    return docker.Container(
        f"{site.cloud}-{role}",
        name=f"alto-{site.cloud}-{role}",
        hostname=role,
        image=image,
        user=user,
        restart="unless-stopped",
        tmpfs={"/tmp": "mode=1777"},  # noqa: S108
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges"],
        stop_timeout=20,
        destroy_grace_seconds=20,
        networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=site.network, ipv4_address=address)],
        labels=[
            docker.ContainerLabelArgs(label=name, value=value)
            for name, value in labels(site.cloud, role).items()
        ],
        uploads=[
            docker.ContainerUploadArgs(
                file=upload.path,
                content=upload.content,
                permissions=upload.mode,
                owner=str(upload.owner),
                group=str(upload.owner),
            )
            for upload in uploads
        ],
        volumes=list(volumes),
        # Name and address are fixed, so a successor cannot stand beside what it replaces.
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
    )


def labels(cloud: str, role: str) -> Mapping[str, str]:
    """The labels of every Docker object of ours."""
    return {CLOUD_LABEL: cloud, ROLE_LABEL: role}
