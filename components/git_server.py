"""`altostratus:platform:GitServer`: repositories of this machine, readable over HTTPS inside the cloud."""

from collections.abc import Mapping
from pathlib import Path

import pulumi
import pulumi_docker as docker

from components.cloud_service import CloudSite, Upload, server_certificate, service_container, service_image

TYPE = "altostratus:platform:GitServer"
ROLE = "git"
IMAGE = "git-server"
PORT = 8443

_OFFSET = 4
_USER = 33  # www-data, as in toolchain/images/git-server


class GitServer(pulumi.ComponentResource):
    """Bare repositories at address .4 of the cloud's subnet, for reading without a password.

    For demos and tests: whoever reaches the cloud's network can read them, nobody can push.
    Output: `urls`, one for each repository by its name.
    """

    urls: pulumi.Output[dict[str, str]]

    def __init__(
        self,
        name: str,
        site: CloudSite,
        repositories: Mapping[str, Path],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TYPE, name, None, opts)
        host = site.address(_OFFSET)
        certificate = server_certificate(site, ROLE, host, self)
        owner = reader(repositories)
        container = service_container(
            site,
            ROLE,
            image=service_image(site.cloud, IMAGE, self).image_name,
            address=host,
            user=f"{owner}:{owner}",
            uploads=[
                Upload("/etc/altostratus/git.crt", certificate.certificate),
                Upload("/etc/altostratus/git.key", certificate.private_key, "0400", owner),
            ],
            volumes=[
                docker.ContainerVolumeArgs(
                    host_path=str(path), container_path=f"/srv/git/{name}.git", read_only=True
                )
                for name, path in sorted(repositories.items())
            ],
            parent=self,
        )
        self.urls = pulumi.Output.all(host, container.id).apply(
            lambda known: {name: repository_url(str(known[0]), name) for name in sorted(repositories)}
        )
        self.register_outputs({"urls": self.urls})


def repository_url(host: str, name: str) -> str:
    """Where a repository is cloned from."""
    return f"https://{host}:{PORT}/{name}.git"


def reader(repositories: Mapping[str, Path]) -> int:
    """The user to serve as: who owns the repositories, so that private ones can be read; never root."""
    owners = {path.stat().st_uid for path in repositories.values() if path.exists()} - {0}
    return owners.pop() if len(owners) == 1 else _USER
