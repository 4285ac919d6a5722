"""What the resource classes of the `altostratus` provider have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

_ATTRIBUTES = {"privateKey": "private_key", "publicKey": "public_key", "notAfter": "not_after"}


class ProvidedResource(pulumi.CustomResource):
    """A resource of the `altostratus` provider; `props` are keyed as on the wire, outputs are None."""

    def __init__(
        self,
        token: str,
        resource_name: str,
        props: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None,
        secrets: Sequence[str] = (),
    ) -> None:
        options = pulumi.ResourceOptions(additional_secret_outputs=list(secrets))
        super().__init__(token, resource_name, dict(props), pulumi.ResourceOptions.merge(opts, options))

    def translate_output_property(self, prop: str) -> str:
        """The attribute of an output. Keys inside inputs (paths, say) are left as they are."""
        return _ATTRIBUTES.get(prop, prop)
