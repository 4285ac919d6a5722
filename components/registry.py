"""`altostratus:platform:Registry`: a cloud's image registry, with TLS, a password, and storage that lasts."""

import pulumi
import pulumi_docker as docker
import yaml

from components.cloud_service import (
    CloudSite,
    Upload,
    labels,
    server_certificate,
    service_container,
    service_image,
)
from components.hosts.pki import Password

TYPE = "altostratus:platform:Registry"
ROLE = "registry"
USERNAME = "altostratus"
PORT = 5000

_OFFSET = 3
_USER = 10001  # as in toolchain/images/registry
_STORAGE = "/var/lib/registry"
_PASSWORD_LENGTH = 32


class Registry(pulumi.ComponentResource):
    """A registry at address .3 of the cloud's subnet.

    Outputs: `address` (host:port), `username`, `password` (secret), `ca_certificate` (PEM).
    """

    address: pulumi.Output[str]
    username: str
    password: pulumi.Output[str]
    ca_certificate: pulumi.Output[str]

    def __init__(self, name: str, site: CloudSite, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(TYPE, name, None, opts)
        password = Password(
            f"{site.cloud}-registry-password",
            length=_PASSWORD_LENGTH,
            opts=pulumi.ResourceOptions(parent=self),
        )
        container = self._create_container(site, password)
        host = site.address(_OFFSET)
        # Whoever uses the address waits for the container.
        self.address = pulumi.Output.all(host, container.id).apply(lambda known: f"{known[0]}:{PORT}")
        self.username = USERNAME
        self.password = pulumi.Output.secret(password.value)
        self.ca_certificate = pulumi.Output.unsecret(site.ca_certificate)
        self.register_outputs(
            {"address": self.address, "username": USERNAME, "caCertificate": self.ca_certificate}
        )

    def _create_container(self, site: CloudSite, password: Password) -> docker.Container:
        host = site.address(_OFFSET)
        certificate = server_certificate(site, ROLE, host, self)
        volume = docker.Volume(
            f"{site.cloud}-registry-storage",
            name=f"alto-{site.cloud}-registry",
            labels=[
                docker.VolumeLabelArgs(label=label, value=value)
                for label, value in labels(site.cloud, ROLE).items()
            ],
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        return service_container(
            site,
            ROLE,
            image=service_image(site.cloud, ROLE, self).image_name,
            address=host,
            uploads=[
                Upload("/etc/altostratus/registry.yml", host.apply(registry_config)),
                Upload("/etc/altostratus/registry.crt", certificate.certificate),
                Upload("/etc/altostratus/registry.key", certificate.private_key, "0400", _USER),
                Upload("/etc/altostratus/htpasswd", password.bcrypt.apply(password_file), "0400", _USER),
            ],
            volumes=[docker.ContainerVolumeArgs(container_path=_STORAGE, volume_name=volume.name)],
            parent=self,
        )


def registry_config(host: str) -> str:
    """The registry's own configuration file for an address."""
    config = {
        "version": "0.1",
        "log": {"level": "info", "formatter": "text", "accesslog": {"disabled": False}},
        "storage": {
            "filesystem": {"rootdirectory": _STORAGE},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {
            "addr": f":{PORT}",
            "host": f"https://{host}:{PORT}",
            "headers": {"X-Content-Type-Options": ["nosniff"]},
            "tls": {
                "certificate": "/etc/altostratus/registry.crt",
                "key": "/etc/altostratus/registry.key",
                "minimumtls": "tls1.2",
            },
        },
        "auth": {"htpasswd": {"realm": "altostratus", "path": "/etc/altostratus/htpasswd"}},
    }
    return yaml.safe_dump(config, sort_keys=False)


def password_file(bcrypt: str) -> str:
    """One line of htpasswd: the registry's only user and the hash of the password."""
    return f"{USERNAME}:{bcrypt}\n"
