"""The token with which the first members of etcd find each other, as a Pulumi resource."""

import pulumi

from components.hosts.provided import ProvidedResource


class DiscoveryToken(ProvidedResource):
    """A token of an etcd discovery service at `endpoint` (https), for `size` members.

    `endpoint` is where members reach the service; `reached_at`, where it is another URL, is where this
    machine does. The token serves the first meeting only, so later changes of `size`, `reached_at` or
    `ca_certificate` (PEM, the service's authority) mean nothing; another `endpoint` makes another token.
    Output: `url`, a secret.
    """

    url: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        endpoint: pulumi.Input[str],
        ca_certificate: pulumi.Input[str],
        size: pulumi.Input[int],
        reached_at: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "altostratus:etcd:DiscoveryToken",
            resource_name,
            {
                "endpoint": endpoint,
                "reachedAt": reached_at,
                "caCertificate": ca_certificate,
                "size": size,
                "url": None,
            },
            opts,
            secrets=["url"],
        )
