"""A portal as fast as the machine allows: nginx with listings and documents as files."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from service.local.simulator.cases.build import CaseSpec, build_case
from service.local.simulator.cases.cases import Case, CaseDocument
from service.local.simulator.cases.content import content_chunks
from service.local.simulator.listing import listing_json
from tests.support.processes import free_port, until_it_listens

_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 1000000;
    client_body_temp_path {root}/tmp;
    proxy_temp_path {root}/tmp;
    fastcgi_temp_path {root}/tmp;
    uwsgi_temp_path {root}/tmp;
    scgi_temp_path {root}/tmp;
    server {{
        listen 127.0.0.1:{port};
        location ~ ^/api/v2/processos/([^/]+)$ {{
            default_type application/json;
            alias {root}/listings/$1;
        }}
        location ~ ^/api/v2/processos/([^/]+)/documentos/([^/]+)/binario$ {{
            default_type application/pdf;
            alias {root}/files/$1/$2;
        }}
        location /files/ {{
            root {root};
            autoindex on;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Upstream:
    """A running nginx."""

    root: Path
    origin: str

    def put_case(self, number: str, spec: CaseSpec) -> Case:
        """Write the files of a case. Documents of one size share their bytes, as hard links."""
        case = build_case(number, spec)
        (self.root / "listings" / case.number).write_bytes(listing_json(case))
        folder = self.root / "files" / case.number
        folder.mkdir()
        for document in case.documents:
            os.link(self._content(document), folder / document.uuids[0])
        return case

    def urls(self, case: Case) -> list[str]:
        """The URLs of its documents."""
        return [f"{self.origin}/files/{case.number}/{each.uuids[0]}" for each in case.documents]

    def _content(self, document: CaseDocument) -> Path:
        path = self.root / "contents" / f"{document.kind}-{document.size}"
        if not path.exists():
            with path.open("wb") as file:
                file.writelines(content_chunks(document))
        return path


def nginx() -> str | None:
    """The path of nginx, if it is installed."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


@asynccontextmanager
async def running_upstream(root: Path) -> AsyncIterator[Upstream]:
    """An nginx in a directory. All users of this machine can read its documents."""
    for name in ("listings", "files", "contents", "tmp"):
        (root / name).mkdir(parents=True)
    for each in (root, *root.parents[:1]):
        each.chmod(0o755)  # its worker runs as another user if root started it
    port = free_port()
    configuration = root / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(root=root, port=port))
    command = (nginx() or "nginx", "-e", str(root / "error.log"), "-c", str(configuration))
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await until_it_listens(port)
        yield Upstream(root, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()
