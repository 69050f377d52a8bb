"""The port of the metrics: a start that cannot open it names the setting to change."""

import errno
import socket

import pytest
from aiohttp import web

from service.domain.environment.startup import StartupError
from service.observability.metrics_server import serving_metrics

TAKEN = "WORKER_METRICS_PORT: the port 91 cannot be opened (EADDRINUSE)"
DENIED = "WORKER_METRICS_PORT: this user may not open the port 91: use one from 1024 on"
ELSEWHERE = "METRICS_ADDRESS: 192.0.2.1 is no address of this machine"
ERRORS = {
    "taken": (OSError(errno.EADDRINUSE, "in use"), TAKEN),
    "below 1024": (PermissionError(errno.EACCES, "denied"), DENIED),
    "another machine's": (OSError(errno.EADDRNOTAVAIL, "not available"), ELSEWHERE),
    "a family that is off": (OSError(errno.EAFNOSUPPORT, "not supported"), ELSEWHERE),
    "a name that is none": (socket.gaierror(socket.EAI_NONAME, "unknown"), ELSEWHERE),
    "too many files": (OSError(errno.EMFILE, "many"), "WORKER_METRICS_PORT: the port 91 cannot be opened (EMFILE)"),
}


@pytest.mark.parametrize(("error", "told"), ERRORS.values(), ids=ERRORS.keys())
async def test_a_port_that_cannot_be_opened_names_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, error: OSError, told: str
) -> None:
    # Root may open every port, and tests may run as root.
    async def start(_site: web.TCPSite) -> None:
        raise error

    monkeypatch.setattr(web.TCPSite, "start", start)

    with pytest.raises(StartupError) as caught:
        async with serving_metrics(91, _nothing, setting="WORKER_METRICS_PORT", address="192.0.2.1"):
            pass

    assert str(caught.value) == told


@pytest.mark.parametrize("address", ["a..b", "no.such.host.invalid", "192.0.2.1"])
async def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(StartupError, match=f"METRICS_ADDRESS: {address} is no address of this machine"):
        async with serving_metrics(1091, _nothing, setting="WORKER_METRICS_PORT", address=address):
            pass


async def _nothing() -> bytes:
    return b""
