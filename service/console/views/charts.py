"""Bars of a chart that the server draws: an image needs no script, and prints."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from service.database.console.overview import HourOfWork

CHART_WIDTH, CHART_HEIGHT = 720, 120  # units of the image
_GAP = 3.0  # units between two bars
_LEAST = 2.0  # units of a bar that stands for something


class ChartBar(msgspec.Struct, frozen=True):
    """One hour: what was downloaded, and on top of it what failed. Lengths in units of the image."""

    hour: datetime
    downloaded: int
    failed: int
    x: float
    width: float
    done_height: float
    failed_height: float

    @property
    def done_y(self) -> float:
        """The top of what was downloaded."""
        return round(CHART_HEIGHT - self.done_height, 1)

    @property
    def failed_y(self) -> float:
        """The top of what failed."""
        return round(CHART_HEIGHT - self.done_height - self.failed_height, 1)


class Chart(msgspec.Struct, frozen=True):
    """The bars, and what they add up to."""

    bars: list[ChartBar]
    downloaded: int
    failed: int
    most: int  #: of one hour
    width: int = CHART_WIDTH
    height: int = CHART_HEIGHT

    @property
    def active(self) -> list[ChartBar]:
        """The hours in which something ended, the newest first."""
        return [bar for bar in reversed(self.bars) if bar.downloaded or bar.failed]


def chart_of(hours: Sequence[HourOfWork]) -> Chart:
    """Draw the hours, as high as the busiest one."""
    most = max((each.downloaded + each.failed for each in hours), default=0)
    step = CHART_WIDTH / max(len(hours), 1)

    def height(count: int) -> float:
        return round(max(_LEAST, CHART_HEIGHT * count / most), 1) if count else 0.0

    bars = [
        ChartBar(
            each.hour,
            each.downloaded,
            each.failed,
            round(place * step, 1),
            round(step - _GAP, 1),
            height(each.downloaded),
            height(each.failed),
        )
        for place, each in enumerate(hours)
    ]
    return Chart(bars, sum(each.downloaded for each in hours), sum(each.failed for each in hours), most)
