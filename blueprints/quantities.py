"""Quantities with units: memory, CPU, durations and shares.

Each is text as the user wrote it, with the number it means as a property. A number without
its unit is refused where a unit is needed.
"""

import re
from decimal import Decimal
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_DECIMAL = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}


class Quantity(str):
    """Text with a unit, checked when it is made. Raises ValueError."""

    PATTERN: ClassVar[str]
    MEANING: ClassVar[str]
    ACCEPTS_NUMBERS: ClassVar[bool] = False
    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if len(text) > 32 or not re.fullmatch(cls.PATTERN, text):
            raise ValueError(f"{text!r} is not {cls.MEANING}")
        return super().__new__(cls, text)

    @classmethod
    def _validate(cls, value: Any) -> Self:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and cls.ACCEPTS_NUMBERS:
            value = format(Decimal(str(value)), "f")
        if isinstance(value, str):
            try:
                return cls(value)
            except ValueError:
                pass
        raise PydanticCustomError("quantity", "must be {meaning}", {"meaning": cls.MEANING})

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        text: dict[str, Any] = {
            "type": "string",
            "pattern": f"^(?:{cls.PATTERN})$",
            "description": cls.MEANING,
        }
        if cls.ACCEPTS_NUMBERS:
            return {"anyOf": [text, {"type": "number", "minimum": 0}], "description": cls.MEANING}
        return text


class Memory(Quantity):
    """An amount of memory or storage."""

    PATTERN = r"[0-9]{1,12}(\.[0-9]{1,3})?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)"
    MEANING = 'an amount with its unit (Ki, Mi, Gi, Ti, k, M, G, T), such as "256Mi"'
    __slots__ = ()

    @property
    def bytes(self) -> int:
        """The amount in bytes, rounded up."""
        number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]+)", self).groups()  # type: ignore[union-attr]
        exact = Decimal(number) * (_BINARY | _DECIMAL)[unit]
        return int(exact.to_integral_value(rounding="ROUND_CEILING"))


class Cpu(Quantity):
    """A share of processors."""

    PATTERN = r"[0-9]{1,6}m|[0-9]{1,5}(\.[0-9]{1,3})?"
    MEANING = 'a number of processors or thousandths of one, such as 2, 0.5 or "500m"'
    ACCEPTS_NUMBERS = True
    __slots__ = ()

    @property
    def millicores(self) -> int:
        """The share in thousandths of a processor."""
        return int(self[:-1]) if self.endswith("m") else int(Decimal(self) * 1000)

    @property
    def cores(self) -> float:
        """The share in processors."""
        return self.millicores / 1000


class Duration(Quantity):
    """A length of time."""

    PATTERN = r"([0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d))+"
    MEANING = 'a length of time with its unit (ms, s, m, h, d), such as "30s" or "1h30m"'
    __slots__ = ()

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        parts = re.findall(r"([0-9.]+)(ms|s|m|h|d)", self)
        return float(sum(Decimal(number) * _SECONDS[unit] for number, unit in parts))


class Percent(Quantity):
    """A share of a hundred."""

    PATTERN = r"(100(\.0{1,6})?|[0-9]{1,2}(\.[0-9]{1,6})?)%"
    MEANING = 'a share between 0% and 100%, such as "1%" or "99.95%"'
    __slots__ = ()

    @property
    def fraction(self) -> float:
        """The share between 0 and 1."""
        return float(Decimal(self[:-1]) / 100)


class Ratio(Quantity):
    """Whole numbers that keep the same proportion."""

    PATTERN = r"[1-9][0-9]{0,3}(:[1-9][0-9]{0,3}){1,9}"
    MEANING = "two or more whole numbers over 0 joined by colons, such as 3:1"
    __slots__ = ()

    @property
    def parts(self) -> tuple[int, ...]:
        """The numbers, in order."""
        return tuple(int(part) for part in self.split(":"))
