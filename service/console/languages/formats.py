"""Numbers, sizes, money and times as a language writes them. Times are shown in Brasilia time."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from service.console.languages.choice import Language

CONSOLE_ZONE = ZoneInfo("America/Sao_Paulo")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SIZES = ("bytes", "kB", "MB", "GB", "TB")
_SWAPPED = str.maketrans(",.", ".,")


class Formats:
    """How one language writes values."""

    def __init__(self, language: Language) -> None:
        self._is_english = language is Language.ENGLISH

    def number(self, value: float | Decimal, digits: int = 0) -> str:
        """A number with `digits` after the decimal mark: 1.234,5 or 1,234.5."""
        written = f"{value:,.{digits}f}"
        return written if self._is_english else written.translate(_SWAPPED)

    def size(self, value: int) -> str:
        """A size of `value` bytes, in units of a thousand."""
        if value == 1:
            return "1 byte"
        amount, unit = float(value), 0
        while amount >= 999.5 and unit < len(_SIZES) - 1:
            amount, unit = amount / 1000, unit + 1
        return f"{self.number(amount, 1 if unit and amount < 10 else 0)} {_SIZES[unit]}"

    def money(self, value: Decimal) -> str:
        """An amount in reais."""
        return f"R$ {self.number(value, 2)}"

    def percent(self, value: float) -> str:
        """Percent, from 0 to 100, rounded down: 100 % is said only when all is done."""
        return f"{int(value)} %"

    def date(self, value: date) -> str:
        """A day. A `datetime` is taken in Brasilia time."""
        day = value.astimezone(CONSOLE_ZONE).date() if isinstance(value, datetime) else value
        if self._is_english:
            return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
        return f"{day:%d/%m/%Y}"

    def time(self, value: datetime) -> str:
        """A moment to the minute, in Brasilia time."""
        local = value.astimezone(CONSOLE_ZONE)
        return f"{self.date(local.date())}{', ' if self._is_english else ' '}{local:%H:%M}"

    def duration(self, seconds: float) -> str:
        """A length of time in its two largest units, such as 2 h 5 min."""
        whole = max(0, int(seconds))
        parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
        first = next((place for place, (amount, _) in enumerate(parts) if amount), len(parts) - 1)
        shown = [f"{amount} {unit}" for amount, unit in parts[first : first + 2] if amount]
        return " ".join(shown) or "0 s"
