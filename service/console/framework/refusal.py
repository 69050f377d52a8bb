"""A request that the console refuses, with a text that says what to do."""

from collections.abc import Mapping

from service.http.problems import Problem


class Refusal(Problem):
    """A problem whose page shows a text of its own. `advice` is the key of the text."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        advice: str,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail, status=status, headers=headers)
        self.advice = advice
