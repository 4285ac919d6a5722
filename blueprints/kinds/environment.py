"""Environment variables: plain text, a secret, another cluster's export, or a fact about the member."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from blueprints.model import Model
from blueprints.names import AliasPath, ContainerName, EnvironmentName, ExportName


class SecretReference(Model):
    """A value kept in the stack's encrypted settings, under `altostratus:secrets`."""

    secret: ContainerName
    """The name of the secret."""


class ExportReference(Model):
    """A value exported by this cartridge, or by a cluster this one can see."""

    export: ExportName
    """The name of the export."""

    source: AliasPath | None = Field(default=None, alias="from")
    """The alias of the cluster that exports it; left out, this cartridge itself."""


class MemberFact(Model):
    """Something only the running member knows."""

    member: Literal["name", "address", "host", "hostAddress", "namespace"]
    """Which fact: the member's name or address, its host's name or address, or the namespace."""


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


def _shape(value: Any) -> str | None:
    if isinstance(value, (str, int, float)):
        return "text"
    if isinstance(value, dict):
        keys = value.keys()
        return next((tag for tag in ("secret", "export", "member") if tag in keys), None)
    for model, tag in ((SecretReference, "secret"), (ExportReference, "export"), (MemberFact, "member")):
        if isinstance(value, model):
            return tag
    return None


Text = Annotated[
    str, BeforeValidator(_text, json_schema_input_type=str | int | float | bool), Field(max_length=65536)
]
"""Text; numbers and truth values are written out as text."""

EnvironmentValue = Annotated[
    Annotated[Text, Tag("text")]
    | Annotated[SecretReference, Tag("secret")]
    | Annotated[ExportReference, Tag("export")]
    | Annotated[MemberFact, Tag("member")],
    Discriminator(
        _shape,
        custom_error_type="environment_value",
        custom_error_message="must be text, {secret: NAME}, {export: NAME, from: ALIAS} or {member: FACT}",
    ),
]

Environment = dict[EnvironmentName, EnvironmentValue]
