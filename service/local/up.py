"""`autos up`: the service with everything that it needs on this machine, until Ctrl-C."""

import os
import shlex
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from service.database import migrations
from service.local.curl_lines import watch_line
from service.local.directory import DataDirectory
from service.local.endpoints import Endpoints
from service.local.errors import LocalStackError
from service.local.probes import answers_200
from service.local.services import Services, running_services
from service.local.simulator.cases.samples import FEDERAL
from service.local.stack import running_stack
from service.local.supervision.processes import free_ports

DEFAULT_DATA = Path(__file__).resolve().parents[2] / ".autos"  # of the local stack
DEFAULT_PORT = 8000
_BUCKET = "autos"
KEY_FILE = "api-key"
SHELL_FILE = "environment"  # exists while the stack runs
SIMULATED_DIRECTORY = "up"
REAL_DIRECTORY = "up-pdpj"
_CHECK_SECONDS = 0.5


@dataclass(frozen=True)
class UpOptions:
    """What the user decides.

    `settings`: the variables of the service in the environment. If `PDPJ_TOKEN` is among them, the service uses the
    real portal. Addresses and credentials of servers are always those of the stack.
    """

    data: Path  #: holds one directory per portal, so that invented cases never mix with real ones
    port: int | None
    settings: Mapping[str, str]
    new_api_key: Callable[[], str]
    console_link: Callable[[str, str, str], str]  #: of a database, a key and the address of the API

    @property
    def has_console(self) -> bool:
        """Whether the settings leave the console on."""
        return self.settings.get("CONSOLE_ENABLED", "").strip().lower() not in {"false", "0"}

    @property
    def is_simulated(self) -> bool:
        """Whether the portal is the simulated one."""
        return not self.settings.get("PDPJ_TOKEN", "").strip()


def run_up(options: UpOptions) -> None:
    """Run until KeyboardInterrupt. Raises `LocalStackError` or `MigrationError`, also when the API or worker ends."""
    port = choose_port(options.port)
    data = options.data / (SIMULATED_DIRECTORY if options.is_simulated else REAL_DIRECTORY)
    with ExitStack() as stack:
        endpoints = stack.enter_context(running_stack(data, with_portal=options.is_simulated)).endpoints
        directory = DataDirectory(data.absolute())
        api_key = kept_api_key(directory.root / KEY_FILE, options.new_api_key)
        migrations.apply(endpoints.database_url)
        environment = _environment(options, endpoints, api_key)
        services = stack.enter_context(running_services(environment, directory, port=port))
        _require_valid(api_key, port, directory)
        shell_file = directory.root / SHELL_FILE
        _write_shell_file(shell_file, environment | {"PORT": str(port)})
        stack.callback(shell_file.unlink, missing_ok=True)
        link = options.console_link(endpoints.database_url, api_key, services.url) if options.has_console else None
        for line in _guide(options, services, api_key, directory, link):
            click.echo(line)
        while True:
            services.check()
            time.sleep(_CHECK_SECONDS)


def choose_port(wanted: int | None) -> int:
    """The wanted port, else 8000, else any free one. Raises LocalStackError if the wanted one cannot be used."""
    if wanted is not None:
        if reason := _refusal(wanted):
            raise LocalStackError(f"PORT: the api cannot listen on {wanted} ({reason})")
        return wanted
    return DEFAULT_PORT if _refusal(DEFAULT_PORT) is None else free_ports(1)[0]


def _refusal(port: int) -> str | None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        return os.strerror(error.errno or 0)
    return None


def kept_api_key(path: Path, new_api_key: Callable[[], str]) -> str:
    """The key in the file, which is written with a new one if it is missing, readable by its owner only."""
    if not path.exists():
        _write_private(path, new_api_key())
    return path.read_text().strip()


def _write_private(path: Path, text: str) -> None:
    # Renamed into place: a start that is interrupted leaves the whole file or none.
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(f"{text}\n")
    partial.replace(path)


def _write_shell_file(path: Path, environment: Mapping[str, str]) -> None:
    """Write the settings for a shell, in which the other commands then use this stack."""
    _write_private(path, "\n".join(f"export {name}={shlex.quote(value)}" for name, value in environment.items()))


def _environment(options: UpOptions, endpoints: Endpoints, api_key: str) -> dict[str, str]:
    # In a first try, the subscribers are on this machine.
    defaults = {"WEBHOOK_ALLOW_PRIVATE_HOSTS": "true"}
    fixed = {"ENVIRONMENT": "development", "ADMIN_API_KEY": api_key}
    return {**defaults, **options.settings, **endpoints.environment(bucket=_BUCKET), **fixed}


def _require_valid(api_key: str, port: int, directory: DataDirectory) -> None:
    """Check the key: a database takes only its first key from the environment. Raises LocalStackError."""
    if not answers_200(port, "/api/v1/webhooks/secret", {"Authorization": f"Bearer {api_key}"}):
        key_file = directory.root / KEY_FILE
        raise LocalStackError(
            f"the database does not know the key in {key_file}: remove {directory.root} to begin anew"
        )


def _guide(
    options: UpOptions, services: Services, api_key: str, directory: DataDirectory, console: str | None
) -> list[str]:
    """The lines to print: addresses, the key, and commands to paste."""
    case = FEDERAL if options.is_simulated else "<case number>"
    curl = f'curl -H "Authorization: Bearer {api_key}" "{services.url}/api/v1/processes/{case}'
    portal = "simulated" if options.is_simulated else "real"
    url = f"{services.url}/api/v1/processes/{case}"
    moved = options.port is None and not services.url.endswith(f":{DEFAULT_PORT}")
    return [
        f"Address   {services.url}{f' (port {DEFAULT_PORT} is taken)' if moved else ''}, asking the {portal} portal",
        *([f"Console   {console}"] if console else ()),
        f"API key   {api_key}, kept in {_shown(directory.root / KEY_FILE)}",
        f'Request   {curl}"',
        f'Status    {curl}/status"',
        f"Watch     {watch_line(f'{url}/monitor', api_key)}",
        *(_file_lines(directory) if options.is_simulated else ()),
        f"Shell     . {shlex.quote(str(_shown(directory.root / SHELL_FILE)))}",
        f"Logs      {_shown(services.api.log)}, {_shown(services.worker.log)}",
        "Stop      Ctrl-C. Jobs, documents and the key are there again at the next start.",
    ]


def _file_lines(directory: DataDirectory) -> list[str]:
    """The command that files a document in the case, for the watcher to see it arrive."""
    autos = _shown(Path(sys.executable).with_name("autos"))
    data = directory.root.parent
    elsewhere = "" if data == DEFAULT_DATA else f" --data {shlex.quote(str(_shown(data)))}"
    return [f"File      {shlex.quote(str(autos))} simulate file {FEDERAL}{elsewhere}"]


def _shown(path: Path) -> Path:
    """The path to paste: relative to the current directory if it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
