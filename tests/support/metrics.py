"""Metrics as a scraper reads them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import aiohttp
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


@dataclass(frozen=True)
class Scrape:
    """All metrics of one process at one time."""

    text: str

    @property
    def families(self) -> list[Metric]:
        """Every metric, as the format's own parser reads it."""
        return list(text_string_to_metric_families(self.text))

    @property
    def samples(self) -> Iterator[Sample]:
        """Every line."""
        return (sample for family in self.families for sample in family.samples)

    def value(self, name: str, **labels: str) -> float:
        """The value of the series with exactly these labels; NaN if there is none."""
        found = [sample.value for sample in self.samples if sample.name == name and sample.labels == labels]
        return found[0] if found else math.nan

    def series(self, name: str) -> Mapping[tuple[str, ...], float]:
        """All series of a name by the values of their labels, in the order of their names, without those at 0."""
        return {tuple(s.labels.values()): s.value for s in self.samples if s.name == name and s.value}


async def scrape(session: aiohttp.ClientSession, port: int | str) -> Scrape:
    """Ask as Prometheus does."""
    async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/plain"
        assert "Server" not in response.headers
        return Scrape(await response.text())
