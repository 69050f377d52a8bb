"""Enumerations whose values have descriptions."""

from enum import StrEnum
from typing import Self


class DescribedEnum(StrEnum):
    """An enumeration whose members have a description for `/openapi.json`: `NAME = "value", "what it means"`."""

    description: str

    def __new__(cls, value: str, description: str = "") -> Self:
        """Create a member. Called with a value alone, an enumeration returns the member that has it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member
