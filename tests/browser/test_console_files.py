"""Files and keys in a real browser: a document is opened, a case is saved as one file, a key is made and revoked."""

import asyncio
import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest

from service.local.simulator import DocumentSpec
from tests.browser.chromium import Tab
from tests.browser.pages import expect_own
from tests.browser.test_console_cases import at, press
from tests.support.http.api import Api
from tests.support.portal import Portal

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium here; to install one takes root"),
]


@pytest.fixture
async def downloads(user_tab: Tab, tmp_path: Path) -> Path:
    """The folder in which the browser saves files."""
    await user_tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    return tmp_path


async def saved(folder: Path) -> Path:
    """The only file of the folder, once the browser has written all of it."""
    async with asyncio.timeout(60):
        while not (found := [each for each in folder.iterdir() if each.suffix != ".crdownload"]):  # noqa: ASYNC110,ASYNC240  (another process)
            await asyncio.sleep(0.1)
    [file] = found
    return file


async def test_a_document_is_opened(user_tab: Tab, client: Api, portal: Portal, number: str, downloads: Path) -> None:
    await portal.put_documents(number, DocumentSpec(name="Petição.pdf"))
    await client.process(number)
    [document] = (await client.ended(number))["documents"]
    await at(user_tab, f"{client.base_url}/console/cases/{number}")

    # A link to another tab: without a person's gesture it would be a pop-up.
    opening = "document.querySelector('section[data-live=documents] a[target]').click()"
    await user_tab.call("Runtime.evaluate", expression=opening, userGesture=True)

    file = await saved(downloads)
    assert file.name == "Petição.pdf"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == document["sha256"]


async def test_a_case_is_saved_as_one_file(
    user_tab: Tab, client: Api, portal: Portal, number: str, downloads: Path
) -> None:
    await portal.put_documents(number, DocumentSpec(count=3))
    await client.process(number)
    await client.ended(number)
    await at(user_tab, f"{client.base_url}/console/cases/{number}")

    await user_tab.evaluate("document.querySelector('a[download]').click()")

    with zipfile.ZipFile(await saved(downloads)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 5  # the manifest and the movements too
    expect_own(user_tab, client.base_url)


async def test_a_key_is_made_and_revoked(user_tab: Tab, client: Api) -> None:
    await at(user_tab, f"{client.base_url}/console/keys")
    await user_tab.evaluate("document.querySelector('#label').value = 'robô'")
    await press(user_tab, "form.card button")
    key = await user_tab.evaluate("document.querySelector('#new-key').value")
    robot = client.with_key(key)
    assert (await robot.get("/api/v1/users/me")).status == 200

    await user_tab.evaluate(
        "[...document.querySelectorAll('tr')].find((row) => row.textContent.includes('robô'))"
        ".querySelector('form').id = 'revoke'"
    )
    await press(user_tab, "#revoke button")

    assert (await robot.get("/api/v1/users/me")).status == 401
    expect_own(user_tab, client.base_url)
