"""`altostratus:kept:Files`: a folder of files on this machine, for a container that is mounted on it."""

from collections.abc import Mapping

import pulumi

from components.hosts.provided import ProvidedResource


class KeptFiles(ProvidedResource):
    """Files by path below `folder` (absolute), readable by the numeric user `owner` alone. They are secrets.

    They change in place. The folder goes at the end, with all that was put into it.
    """

    def __init__(
        self,
        resource_name: str,
        *,
        folder: str,
        files: Mapping[str, pulumi.Input[str]],
        owner: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "altostratus:kept:Files",
            resource_name,
            {"folder": folder, "files": pulumi.Output.secret(dict(files)), "owner": owner},
            opts,
            secrets=["files"],
        )
