"""A process that is frozen in a transaction: the others wait for its locks for some seconds, and go on."""

import signal
import time
from collections.abc import Callable

import pytest

from service.local.simulator import DocumentSpec
from tests.acceptance.faults.conftest import Numbers
from tests.support.database.lock_holder import frozen_holder
from tests.support.database.workload import Place, digits

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(200)]

AVAILABLE = "SELECT count(*) AS count FROM documents WHERE status = 'available'"
#: PostgreSQL has ended the session of the frozen process.
CUT_OFF = "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'holder')"
MORE = "SELECT 1 FROM (SELECT count(*) AS count FROM documents WHERE status = 'available') AS found WHERE count > $1"


async def test_documents_go_on_beside_a_process_that_stands_still_with_every_lock(
    place: Place, numbers: Numbers, note: Callable[[str], None]
) -> None:
    cases = numbers.take(6)
    await place.put_cases(cases, DocumentSpec(count=20, size=3000))
    await place.portal.configure(latency_binary_ms=1000)
    for _ in range(2):
        await place.service.add_worker()
    await place.request(cases)
    await place.service.until(MORE, 5)

    async with frozen_holder(place.service.database_url, digits(cases[0]), "idle") as holder:
        begin = time.monotonic()
        # Requests that were in progress when the locks were taken, and later ones.
        (before,) = await place.service.fetch(AVAILABLE)
        await place.service.until(MORE, before["count"] + 30, timeout=60)
        waited = time.monotonic() - begin
        await place.service.until(CUT_OFF, timeout=60)
        holder.send_signal(signal.SIGCONT)
        assert await holder.wait() == 0

    await place.ended(cases, timeout=100)
    await place.expect_all_done_once(cases)
    note(f"a process that stands still with every lock: 30 documents more after {waited:.0f} s")
