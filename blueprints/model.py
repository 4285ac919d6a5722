"""The base of every document: strict, closed, frozen pydantic models with camelCase keys.

Documents are written in camelCase and read in snake_case. Unknown keys, silent type
conversions and changes after loading are all refused.
"""

from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from blueprints.names import ResourceName

API_VERSION: Final = "altostratus/v1"

T = TypeVar("T")

Items = Annotated[tuple[T, ...], Strict(False)]
"""A YAML sequence kept as a tuple; its elements stay strict."""


class Model(BaseModel):
    """A part of a document."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    def to_document(self) -> dict[str, Any]:
        """Plain data in the document's own spelling, without what was left at its default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class Document(Model):
    """A whole document: `apiVersion`, `kind`, `name` and what its kind adds."""

    KIND: ClassVar[str]

    api_version: Literal["altostratus/v1"] = API_VERSION
    """The version of the document format."""

    name: ResourceName
    """The name other documents refer to, unique among documents of its kind."""

    description: str | None = Field(default=None, max_length=2000)
    """What this is for, in the reader's words."""

    labels: dict[str, str] = Field(default_factory=dict, max_length=64)
    """Free labels of your own, put on everything made from this document."""

    def to_document(self) -> dict[str, Any]:
        """Plain data in the document's own spelling, with `apiVersion` and `kind` first."""
        return {"apiVersion": self.api_version, "kind": self.KIND, "name": self.name, **super().to_document()}


def fault(
    code: str,
    message: str,
    *,
    hint: str = "",
    at: tuple[str | int, ...] = (),
    allowed: tuple[str, ...] = (),
) -> PydanticCustomError:
    """A validation error with a stable code; raise it inside a pydantic validator.

    `at` is the place below the model being validated, in the document's own spelling.
    """
    told = {"text": message, "hint": hint, "at": list(at), "allowed": list(allowed)}
    return PydanticCustomError(code, "{text}", told)
