"""Scripts a portal that runs in another process, through its control endpoints."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from service.local.simulator.cases.build import CaseSpec
from service.local.simulator.faults import Fault


class PortalControl:
    """`origin` without path, such as `http://127.0.0.1:8100`. Each call raises ValueError if it is refused."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        self._session = session
        self._base = f"{origin}/_control"

    async def put_case(self, number: str, spec: CaseSpec) -> None:
        await self._call("PUT", f"/cases/{number}", msgspec.to_builtins(spec))

    async def remove_case(self, number: str) -> None:
        await self._call("DELETE", f"/cases/{number}")

    async def expected(self, number: str, *, sha256: bool = True) -> Any:
        """The documents of the case with uuids, size and SHA-256 of each binary and text."""
        return await self._call("GET", f"/cases/{number}?sha256={str(sha256).lower()}")

    async def fail_document(self, number: str, target: str, *faults: Fault) -> None:
        """`target`: a uuid, an idOrigem, or `*`."""
        await self._call("PUT", f"/cases/{number}/documents/{target}/faults", _body(faults))

    async def fail_listing(self, number: str, *faults: Fault) -> None:
        await self._call("PUT", f"/cases/{number}/listing-faults", _body(faults))

    async def fail_everything(self, *faults: Fault) -> None:
        await self._call("PUT", "/settings", {"all_requests": _body(faults)["faults"]})

    async def configure(self, **changes: object) -> None:
        """Some fields of `PortalConfiguration`."""
        await self._call("PUT", "/settings", changes)

    async def journal(self) -> Any:
        return await self._call("GET", "/requests")

    async def forget_requests(self) -> None:
        await self._call("DELETE", "/requests")

    async def reset(self) -> None:
        await self._call("POST", "/reset")

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        async with self._session.request(method, self._base + path, json=body) as answer:
            data = await answer.read()
            if answer.status >= 400:
                raise ValueError(f"{answer.status} {data.decode()}")
            return msgspec.json.decode(data) if data else None


def _body(faults: tuple[Fault, ...]) -> Mapping[str, Any]:
    return {"faults": msgspec.to_builtins(faults)}
