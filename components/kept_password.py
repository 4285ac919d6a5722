"""`altostratus:kept:Password`: a generated password that is kept beside the data it opens."""

import pulumi

from components.hosts.provided import ProvidedResource


class KeptPassword(ProvidedResource):
    """A random password of letters and digits (12 to 256).

    Made anew, it is the one under `key` of the Secret `secret` in `namespace`, where that is there and as
    long as asked for. Output, a secret: `value`.
    """

    value: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        length: pulumi.Input[int],
        kubeconfig: pulumi.Input[str],
        namespace: pulumi.Input[str],
        secret: pulumi.Input[str],
        key: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "altostratus:kept:Password",
            resource_name,
            {
                "length": length,
                "kubeconfig": pulumi.Output.secret(kubeconfig),
                "namespace": namespace,
                "secret": secret,
                "key": key,
                "value": None,
            },
            opts,
            secrets=["value"],
        )
