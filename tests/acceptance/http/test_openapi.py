"""`/openapi.json` is valid and true: schemathesis finds no response that it does not have."""

import asyncio
import os
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from tests.support.http.api import Api
from tests.support.processes import BIN, REPOSITORY

HERE = Path(__file__).parent / "openapi"


async def test_the_document_is_valid_and_needs_no_key(api: Api) -> None:
    answer = await Api(api.session, api.base_url, None).get("/openapi.json")

    validate(answer.json)
    assert answer.json["openapi"].startswith("3.1")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("examples", [2, pytest.param(8, marks=pytest.mark.long)])
async def test_schemathesis_finds_no_answer_that_the_document_does_not_tell(
    api: Api, tmp_path: Path, examples: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        BIN / "schemathesis",
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        f"{api.base_url}/openapi.json",
        *("--header", f"Authorization: Bearer {api.api_key}"),
        *("--checks", "all"),
        # A stream does not end while nothing happens; other tests check its events.
        *("--exclude-path-regex", "/events$"),
        *("--max-examples", str(examples)),
        *("--max-redirects", "0"),
        *("--request-timeout", "30"),
        # With more, hypothesis parses in several threads, which CPython 3.11 gets wrong now and then (gh-106905).
        *("--workers", "1"),
        "--no-color",
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.acceptance.http.openapi.hooks", "PYTHONPATH": str(REPOSITORY)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()
