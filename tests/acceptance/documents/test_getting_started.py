"""`docs/getting-started.md`, pasted from its top to its end."""

import operator
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from service.local.simulator import DocumentSpec
from tests.support.http.api import Api
from tests.support.pages import ADDRESS, Page, Shell, assert_shown, like_a_clone, running_shell
from tests.support.portal import Portal
from tests.support.processes import free_port

PAGE = Page("docs/getting-started.md")
T = TypeVar("T")
WATCHED = "0000001-39.2024.8.26.0100"  # the case that the page watches
PORT = "9000"  # of the receiver, as the page shows it
pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")


@dataclass(frozen=True)
class Reader:
    """A reader who follows the page in a directory like a clone."""

    shell: Shell
    directory: Path
    address: str
    port: int
    watched: str  #: a case of this run
    pasted: set[str] = field(default_factory=set)

    def paste(self, having: str) -> str:
        """Paste the block that has a text, and return its output."""
        return self.paste_block(PAGE.one("sh", having=having))

    def paste_block(self, block: str) -> str:
        """Paste a block, for the API, the receiver and the watched case of this run. The output names those shown."""
        self.pasted.add(block)
        here = block.replace(ADDRESS, self.address).replace(PORT, str(self.port)).replace(WATCHED, self.watched)
        here = here.replace("simulate file", "simulate file --data .autos")
        output = self.shell.paste(here.replace("receiver.py &", "receiver.py >> received 2>> requests &"))
        return output.replace(self.watched, WATCHED).replace(f":{self.port}/", f":{PORT}/")

    def ask(self, having: str) -> None:
        """Paste the block that has a text. Its response must be as the page shows it."""
        assert_shown(PAGE.after(PAGE.one("sh", having=having)), msgspec.json.decode(self.paste(having)))

    def ask_for_the_failed_attempt(self) -> None:
        """Request the delivery until an attempt has failed."""
        having = 'deliveries?limit=1"\n'
        until(lambda: self.paste(having), lambda listed: '"attempts":[{' in listed)
        self.ask(having)

    def start_receiver(self, position: int) -> None:
        """Paste the first or second block that starts the receiver, and wait until it listens."""
        self.paste_block(PAGE.written("sh", having="receiver.py &")[position])
        until(lambda: listens(self.port), bool)

    def stop_receiver(self) -> None:
        """Paste the block that ends the receiver, and wait for its end."""
        self.paste("kill")
        until(lambda: listens(self.port), operator.not_)

    def file_a_document(self) -> None:
        """Paste the block that files a document. The output must be as the page shows it, up to the times."""
        shown = PAGE.after(PAGE.one("sh", having="simulate file")).splitlines()
        filed, check = self.paste("simulate file").splitlines()
        assert filed == shown[0]
        assert check.startswith(shown[1].partition("20")[0])

    def received(self, count: int) -> list[str]:
        """Wait for so many lines of the receiver, and return them."""
        file = self.directory / "received"
        lines = until(lambda: file.read_text().splitlines(), lambda lines: len(lines) >= count)
        return [line.replace(self.watched, WATCHED) for line in lines]


def until(ask: Callable[[], T], is_wanted: Callable[[T], bool]) -> T:
    """The first response that meets a condition."""
    deadline = time.monotonic() + 60
    while not is_wanted(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer


def listens(port: int) -> bool:
    """True if a local port accepts connections."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture
async def watched(portal: Portal, number: str) -> str:
    """A case that only this test changes. The page watches a sample."""
    await portal.put_documents(number, DocumentSpec(count=3))
    return number


@pytest.fixture
def reader(client: Api, environment: Mapping[str, str], watched: str, tmp_path: Path) -> Iterator[Reader]:
    like_a_clone(tmp_path, client.api_key or "", environment)
    (tmp_path / "poll.py").write_text(PAGE.one("python"))
    (tmp_path / "receiver.py").write_text(Page("docs/webhooks.md").one("python"))
    with running_shell(tmp_path) as shell:
        yield Reader(shell, tmp_path, client.base_url, free_port(), watched)


def test_it_can_be_pasted_from_its_top_to_its_end(reader: Reader) -> None:
    events = [text for kind, text in PAGE.blocks if kind == "text" and text.startswith("process.completed ")]
    first, second = (event.strip() for event in events)

    reader.paste("KEY=$(cat")
    reader.ask('6100"\n')
    assert reader.paste("poll.py").endswith(PAGE.after(PAGE.one("sh", having="poll.py")))
    assert len(list((reader.directory / "0000123-06.2023.4.03.6100").iterdir())) == 30
    reader.start_receiver(0)
    reader.paste("0100000-57.2022.5.02.0001?webhook_url")
    assert reader.received(1) == [first]
    reader.stop_receiver()
    reader.ask("6100?webhook_url")
    reader.ask_for_the_failed_attempt()
    reader.start_receiver(1)
    reader.paste("/resend")
    assert reader.received(2) == [first, second]
    reader.ask("request PUT")
    reader.file_a_document()
    reader.paste("/monitor/check")
    assert reader.received(3) == [first, second, f"process.updated {WATCHED}"]
    listed = reader.paste("autos deliveries list")

    assert "0100000-57.2022.5.02.0001" in listed
    assert set(PAGE.written("sh")) - reader.pasted == {"make up\n"}


def test_it_says_where_the_receiver_is() -> None:
    assert ("webhooks.md", "python") in PAGE.links
