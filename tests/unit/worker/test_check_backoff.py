"""How long a check that failed waits."""

from datetime import timedelta

from worker.tasks.check_watch import backoff


def test_it_doubles_up_to_the_interval() -> None:
    found = [backoff(failures, timedelta(hours=1)) for failures in (0, 3, 4, 1000)]

    assert found == [timedelta(minutes=5), timedelta(minutes=40), timedelta(hours=1), timedelta(hours=1)]


def test_it_is_no_longer_than_a_short_interval() -> None:
    assert backoff(0, timedelta(minutes=1)) == timedelta(minutes=1)
