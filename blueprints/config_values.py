"""Values of a stack's config, read into closed models with every reason why they cannot be."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from blueprints.findings import DocumentError, Finding

M = TypeVar("M", bound=BaseModel)


def config_value(model: type[M], data: Any, key: str, hint: str) -> M:
    """The value of a key; nothing given is an empty mapping. Raises DocumentError with every reason."""
    try:
        return model.model_validate(data if data is not None else {})
    except ValidationError as error:
        raise DocumentError(
            Finding(
                "ALT1303",
                f"{key} {'.'.join(map(str, e['loc']))}: {e['msg']}".replace(" :", ":"),
                path=".".join(map(str, e["loc"])),
                hint=hint,
            )
            for e in error.errors(include_url=False)
        ) from None
