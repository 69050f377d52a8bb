"""The key in the header of a request."""

import pytest

from service.api.framework.authentication import PresentedKey, presented_key
from service.api.framework.state import ApiRequest
from service.http.problems import Problem


def _request(value: str) -> ApiRequest:
    return ApiRequest({"type": "http", "headers": [(b"authorization", value.encode())]})


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_name_of_the_scheme_has_no_case(scheme: str) -> None:
    assert presented_key(_request(f"{scheme} autos_Key")) == PresentedKey.of("autos_Key")


@pytest.mark.parametrize(
    "value", ["Bearer autos_Key ", "Bearer autos_Key\t", " Bearer\tautos_Key", "Bearer   autos_Key"]
)
def test_white_space_is_no_part_of_a_key(value: str) -> None:
    assert presented_key(_request(value)) == PresentedKey.of("autos_Key")


@pytest.mark.parametrize("value", ["", "Bearer", "BEARER ", "Bearers autos_key", "Basic autos_key", "Bearer a b"])
def test_nothing_else_is_a_key(value: str) -> None:
    with pytest.raises(Problem):
        presented_key(_request(value))
