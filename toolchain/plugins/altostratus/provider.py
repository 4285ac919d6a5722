"""The altostratus provider: which types it has."""

from toolchain.plugins.altostratus.certificate_handlers import (
    AuthorityHandler,
    CertificateHandler,
    KeyPairHandler,
)
from toolchain.plugins.altostratus.discovery import DiscoveryTokenHandler
from toolchain.plugins.altostratus.kept_files import KeptFilesHandler
from toolchain.plugins.altostratus.kept_password import KeptPasswordHandler
from toolchain.plugins.altostratus.node import NodeHandler
from toolchain.plugins.altostratus.password import PasswordHandler
from toolchain.plugins.altostratus.ranges import RangesHandler
from toolchain.plugins.docker.session import Session
from toolchain.plugins.protocol import Provider

VERSION = "0.1.0"


class AltostratusProvider(Provider):
    """What a host cluster needs that no vendor's plugin offers."""

    def __init__(self) -> None:
        self._session = Session()
        super().__init__(
            "altostratus",
            VERSION,
            {
                "altostratus:etcd:DiscoveryToken": DiscoveryTokenHandler(),
                "altostratus:hosts:Node": NodeHandler(self._session),
                "altostratus:hosts:Ranges": RangesHandler(),
                "altostratus:kept:Files": KeptFilesHandler(),
                "altostratus:kept:Password": KeptPasswordHandler(),
                "altostratus:pki:Certificate": CertificateHandler(),
                "altostratus:pki:CertificateAuthority": AuthorityHandler(),
                "altostratus:pki:KeyPair": KeyPairHandler(),
                "altostratus:pki:Password": PasswordHandler(),
            },
        )

    def close(self) -> None:
        """Closes the connection to the Docker engine."""
        self._session.close()
