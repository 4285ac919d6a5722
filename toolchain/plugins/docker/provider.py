"""The docker provider: its settings and the handlers of its types."""

from collections.abc import Sequence

from toolchain.plugins.docker.container import ContainerHandler
from toolchain.plugins.docker.image import ImageHandler
from toolchain.plugins.docker.network import NetworkHandler
from toolchain.plugins.docker.remote_image import RemoteImageHandler
from toolchain.plugins.docker.session import Session
from toolchain.plugins.docker.volume import VolumeHandler
from toolchain.plugins.protocol import CheckFailure, Diff, Properties, Provider, Request

VERSION = "5.2.0"
SETTINGS = frozenset(
    {
        "host",
        "certPath",
        "caMaterial",
        "certMaterial",
        "keyMaterial",
        "registryAuth",
        "version",
        "pluginDownloadURL",
    }
)


class DockerProvider(Provider):
    """`docker` 5.2.0, for the types that this project uses."""

    secret_config = ("keyMaterial", "registryAuth")

    def __init__(self) -> None:
        self._session = Session()
        super().__init__(
            "docker",
            VERSION,
            {
                "docker:index/container:Container": ContainerHandler(self._session),
                "docker:index/image:Image": ImageHandler(self._session),
                "docker:index/network:Network": NetworkHandler(self._session),
                "docker:index/remoteImage:RemoteImage": RemoteImageHandler(self._session),
                "docker:index/volume:Volume": VolumeHandler(self._session),
            },
        )

    def check_config(
        self, request: Request, olds: Properties, news: Properties
    ) -> tuple[Properties, Sequence[CheckFailure]]:
        """Refuses settings that this plugin would not honour."""
        return news, [
            CheckFailure(
                key,
                f"the bundled docker plugin does not know the setting {key!r}; it knows: "
                + ", ".join(sorted(SETTINGS)),
            )
            for key, value in news.items()
            if key not in SETTINGS and value is not None
        ]

    def diff_config(self, request: Request, olds: Properties, news: Properties) -> Diff:
        """Changed settings are taken as another way to the same engine, like the vendor's plugin does."""
        return Diff.between(olds, news)

    def configure(self, request: Request, config: Properties) -> None:
        """Keeps the settings; nothing is connected before a resource needs it."""
        self._session.configure(config)

    def close(self) -> None:
        """Closes the connection to the engine."""
        self._session.close()
