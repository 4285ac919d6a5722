"""SSH to the machines of a cloud: one key for whoever updates it, one host key that they all show.

Both are made beforehand, so that nobody has to trust a key on first sight.
"""

import pulumi
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from components.hosts.driver import Access
from components.hosts.pki import KeyPair

GUARD = """[Service]
# User data holds keys, and Pods have no business with it.
ExecStartPre=/bin/sh -c 'iptables -w -C FORWARD -d 169.254.169.254/32 -j DROP 2>/dev/null || \\
  iptables -w -I FORWARD 1 -d 169.254.169.254/32 -j DROP'
"""


SSHD = """HostKey /etc/ssh/ssh_host_ecdsa_key
PasswordAuthentication no
PermitRootLogin prohibit-password
"""


class CloudAccess:
    """The keys of one cloud, as resources under `parent`."""

    def __init__(self, cloud: str, parent: pulumi.Resource) -> None:
        options = pulumi.ResourceOptions(parent=parent)
        self._user = KeyPair(f"{cloud}-ssh-user", opts=options)
        self._host = KeyPair(f"{cloud}-ssh-host", opts=options)
        self.access = Access(
            pulumi.Output.secret(self._user.private_key), self._host.public_key.apply(openssh_key)
        )

    def files(self) -> dict[str, pulumi.Input[str]]:
        """What makes a machine let its owner in, and keeps Pods from its user data."""
        return {
            "/etc/ssh/ssh_host_ecdsa_key": self._host.private_key,
            "/etc/ssh/ssh_host_ecdsa_key.pub": self._host.public_key.apply(openssh_key),
            "/etc/ssh/sshd_config.d/10-altostratus.conf": SSHD,
            "/root/.ssh/authorized_keys": self._user.public_key.apply(openssh_key),
            "/etc/systemd/system/kubelet.service.d/10-metadata.conf": GUARD,
        }


def openssh_key(pem: str) -> str:
    """A public key (PEM) as a line of authorized_keys."""
    key = load_pem_public_key(pem.encode())
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + "\n"
