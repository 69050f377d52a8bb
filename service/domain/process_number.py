"""The number of a court case, as CNJ Resolution 65/2008 defines it: `NNNNNNN-DD.AAAA.J.TR.OOOO`."""

import re

import msgspec

_MASKED = re.compile(r"([0-9]{7})-([0-9]{2})\.([0-9]{4})\.([1-9])\.([0-9]{2})\.([0-9]{4})")
_DIGITS = re.compile(r"([0-9]{7})([0-9]{2})([0-9]{4})([1-9])([0-9]{2})([0-9]{4})")


class InvalidProcessNumber(ValueError):
    """The text is not a CNJ number, or its check digits are wrong."""


class ProcessNumber(msgspec.Struct, frozen=True):
    """A number with correct check digits. Made by `parse`, or from a database row that holds a parsed number."""

    digits: str

    @property
    def masked(self) -> str:
        """The form that courts write and the API always returns."""
        d = self.digits
        return f"{d[:7]}-{d[7:9]}.{d[9:13]}.{d[13]}.{d[14:16]}.{d[16:]}"

    @classmethod
    def parse(cls, text: str) -> "ProcessNumber":
        """Accept the masked form or the 20 digits, each with white space around it.

        Raises `InvalidProcessNumber`. Its message may be shown to the client: it never repeats the input.
        """
        written = text.strip()
        match = _MASKED.fullmatch(written) or _DIGITS.fullmatch(written)
        if match is None:
            raise InvalidProcessNumber(
                "A case number has 20 digits, written NNNNNNN-DD.AAAA.J.TR.OOOO or without punctuation."
            )
        serial, check, year, segment, court, origin = match.groups()
        # ISO 7064 MOD 97-10, Annex VIII: with the check digits moved to the end the remainder is 1. The formula,
        # 98 minus the remainder of a division by 97, gives 02 to 98; 00, 01 and 99 would be second spellings of a case.
        matches = int(serial + year + segment + court + origin + check) % 97 == 1
        if not matches or int(check) not in range(2, 99):
            raise InvalidProcessNumber("The check digits do not match the rest of the case number.")
        return cls("".join(match.groups()))
