"""`autos demo` and `autos up`: the whole stack on one machine."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
import msgspec

from service.commands.console_link import link_for_key
from service.database.migrations import MigrationError
from service.domain.api_keys import KEY_PREFIX, new_api_key
from service.domain.environment.weak_secrets import mark_local
from service.local.demo.client import DemoFailed
from service.local.demo.run import run_demo
from service.local.errors import LocalStackError
from service.local.up import DEFAULT_DATA, UpOptions, run_up
from service.settings import Settings

INTERRUPTED = 130  # the exit code that shells use for Ctrl-C
data_option = click.option(
    "--data",
    default=DEFAULT_DATA,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the servers keep their data.",
)


@click.command()
@data_option
def demo(data: Path) -> None:
    """Run the main job once, from empty servers to a verified webhook, then an update of the case."""
    with _one_line_errors():
        try:
            run_demo(data / "demo", _new_local_key())
        except KeyboardInterrupt:
            raise SystemExit(INTERRUPTED) from None


@click.command()
@data_option
@click.option("--port", envvar="PORT", type=click.IntRange(1, 65535), help="By default 8000, or a free one.")
def up(data: Path, port: int | None) -> None:
    """Run the whole stack until Ctrl-C. If PDPJ_TOKEN is set, it uses the real portal."""
    names = {field.encode_name for field in msgspec.structs.fields(Settings)}
    settings = {name: value for name, value in os.environ.items() if name in names}
    with _one_line_errors():
        try:
            run_up(UpOptions(data, port, settings, _new_local_key, link_for_key))
        except KeyboardInterrupt:
            click.echo("Stopped")


def _new_local_key() -> str:
    return mark_local(new_api_key().removeprefix(KEY_PREFIX))


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """End with one line that says what failed. SIGTERM stops as cleanly as Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except (LocalStackError, DemoFailed, MigrationError) as error:
        raise click.ClickException(str(error)) from None
