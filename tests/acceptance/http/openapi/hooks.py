"""Values for schemathesis of the formats in the document, which it cannot guess."""

import base64
import json

import schemathesis
from hypothesis import strategies as st

from service.local.simulator.cases.samples import FEDERAL, LABOUR, STATE
from tests.support.numbers import with_check_digits

#: Cases that the simulated portal holds. It knows none of the others.
KNOWN = (FEDERAL, STATE, LABOUR)

_INVENTED = st.builds(
    lambda serial, year: with_check_digits(f"{serial:07}", f"{year:04}", "826", "9999"),
    st.integers(0, 9_999_999),
    st.integers(1990, 2026),
)


DOCUMENT = "fbf95da0-97c1-5f22-9086-6618cdb591ff"


def _cursor(position: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


schemathesis.openapi.format("cnj", st.sampled_from(KNOWN) | _INVENTED)
schemathesis.openapi.format(
    "webhook-url", st.integers(0, 99).map(lambda number: f"http://127.0.0.1:18999/hooks/{number}")
)
schemathesis.openapi.format("cursor", st.just(_cursor(["2026-01-01T00:00:00Z", DOCUMENT])))
schemathesis.openapi.format("file-cursor", st.just(_cursor([DOCUMENT])))
schemathesis.openapi.format("movement-cursor", st.just(_cursor(DOCUMENT)))
schemathesis.openapi.format("party-cursor", st.just(_cursor([0])))
