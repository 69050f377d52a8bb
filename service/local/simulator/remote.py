"""Scripts a portal that runs in another process, through its control endpoints."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from service.local.simulator.cases.build import CaseSpec
from service.local.simulator.faults import Fault


class RefusedControl(ValueError):
    """The portal refused a control request. `status` is that of its answer."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status} {body}")
        self.status = status


class PortalControl:
    """`origin` without path, such as `http://127.0.0.1:8100`. Each call raises `RefusedControl` if it is refused."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        self._session = session
        self._base = f"{origin}/_control"

    async def put_case(self, number: str, spec: CaseSpec) -> None:
        await self._call("PUT", f"/cases/{number}", msgspec.to_builtins(spec))

    async def remove_case(self, number: str) -> None:
        await self._call("DELETE", f"/cases/{number}")

    async def seal_case(self, number: str, secrecy_level: int) -> None:
        """Change the secrecy level of a case."""
        await self._call("PATCH", f"/cases/{number}", {"secrecy_level": secrecy_level})

    async def file_document(self, number: str, **fields: object) -> Any:
        """File a document; `fields` of `FiledDocument`. Returns what was filed, with uuids, size and SHA-256."""
        return await self._call("POST", f"/cases/{number}/documents", fields)

    async def file_movement(self, number: str, **fields: object) -> Any:
        """File a movement; `fields` of `FiledMovement`. Returns what was filed."""
        return await self._call("POST", f"/cases/{number}/movements", fields)

    async def change_document(self, number: str, target: str, **fields: object) -> Any:
        """Replace a document, named by its idOrigem or a uuid; `fields` of `DocumentChange`."""
        return await self._call("PATCH", f"/cases/{number}/documents/{target}", fields)

    async def remove_document(self, number: str, target: str) -> None:
        await self._call("DELETE", f"/cases/{number}/documents/{target}")

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
                raise RefusedControl(answer.status, data.decode())
            return msgspec.json.decode(data) if data else None


def _body(faults: tuple[Fault, ...]) -> Mapping[str, Any]:
    return {"faults": msgspec.to_builtins(faults)}
