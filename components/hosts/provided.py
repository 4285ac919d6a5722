"""What the resource classes of the `altostratus` provider have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

_ATTRIBUTES = {"privateKey": "private_key", "publicKey": "public_key", "notAfter": "not_after"}
_WIRE = {attribute: key for key, attribute in _ATTRIBUTES.items()}


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
        # The SDK makes an attribute of each key as it is given here.
        named = {_ATTRIBUTES.get(key, key): value for key, value in props.items()}
        super().__init__(token, resource_name, named, pulumi.ResourceOptions.merge(opts, options))

    def translate_input_property(self, prop: str) -> str:
        """The key of an attribute on the wire."""
        return _WIRE.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        """The attribute of an output. Keys inside inputs (paths, say) are left as they are."""
        return _ATTRIBUTES.get(prop, prop)
