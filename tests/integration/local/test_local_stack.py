"""The local stack: its servers, used, killed, paused and started again."""

import os
import socket
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import msgspec
import psycopg
import pytest
import redis
from botocore.exceptions import ClientError

from service.local.errors import LocalStackError
from service.local.servers.server import ServerProcess
from service.local.servers.valkey import Valkey
from service.local.stack import Stack, running_stack
from service.local.supervision.messages import ServerName
from service.local.supervision.pid_record import PidRecord
from service.local.supervision.processes import descendants_of, wait_until_ended
from tests.support.servers.local_stack import (
    address,
    command_lines,
    execute,
    leave_marks,
    marks,
    portal_status,
    prepare,
    redis_client,
    s3_client,
    with_other_password,
)

END_SECONDS = 30.0
STATEFUL: tuple[ServerName, ...] = ("postgres", "valkey", "s3")


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for these tests, because its servers are killed and paused."""
    with running_stack(tmp_path_factory.mktemp("own-stack") / "data") as running:
        prepare(running.endpoints)
        yield running


def test_every_server_accepts_its_credentials_and_keeps_what_it_is_given(own_stack: Stack) -> None:
    leave_marks(own_stack.endpoints, "first")
    assert marks(own_stack.endpoints) == ("first", "first", "first")
    assert portal_status(own_stack.endpoints, own_stack.endpoints.portal_token) == 200


def test_every_server_refuses_other_credentials(own_stack: Stack) -> None:
    endpoints = own_stack.endpoints
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        execute(
            msgspec.structs.replace(endpoints, database_url=with_other_password(endpoints.database_url)), "SELECT 1"
        )
    with redis_client(with_other_password(endpoints.redis_url)) as valkey, pytest.raises(redis.AuthenticationError):
        valkey.ping()
    with (
        s3_client(endpoints, secret="another secret") as s3,
        pytest.raises(ClientError, match="SignatureDoesNotMatch"),
    ):
        s3.list_buckets()
    assert portal_status(endpoints, "another token") == 401


def test_the_environment_of_the_service_is_that_of_the_running_servers(own_stack: Stack) -> None:
    endpoints = own_stack.endpoints
    assert endpoints.environment(bucket="a-bucket") == {
        "DATABASE_URL": endpoints.database_url,
        "REDIS_URL": endpoints.redis_url,
        "S3_ENDPOINT_URL": endpoints.s3_endpoint_url,
        "S3_PUBLIC_ENDPOINT_URL": endpoints.s3_endpoint_url,
        "S3_REGION": endpoints.s3_region,
        "S3_BUCKET": "a-bucket",
        "AWS_ACCESS_KEY_ID": endpoints.s3_access_key_id,
        "AWS_SECRET_ACCESS_KEY": endpoints.s3_secret_access_key,
        "PDPJ_BASE_URL": endpoints.portal_url,
        "PDPJ_TOKEN": endpoints.portal_token,
    }
    assert str(endpoints.portal_url).endswith("/api/v2")


def test_the_user_of_the_database_may_create_others(own_stack: Stack) -> None:
    execute(own_stack.endpoints, "CREATE DATABASE another")
    url = own_stack.endpoints.database_url.rpartition("/")[0] + "/another"
    another = msgspec.structs.replace(own_stack.endpoints, database_url=url)
    assert execute(another, "SELECT current_database()") == [("another",)]


@pytest.mark.parametrize("name", STATEFUL)
def test_a_server_that_was_killed_comes_back_at_the_same_address_with_its_data(
    own_stack: Stack, name: ServerName
) -> None:
    leave_marks(own_stack.endpoints, f"before {name} was killed")
    own_stack.kill_server(name)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address(own_stack.endpoints, name))
    own_stack.start_server(name)
    assert marks(own_stack.endpoints) == (f"before {name} was killed",) * 3


def test_a_server_that_was_stopped_comes_back_with_its_data(own_stack: Stack) -> None:
    leave_marks(own_stack.endpoints, "before the stop")
    for name in STATEFUL:
        own_stack.stop_server(name)
    for name in STATEFUL:
        own_stack.start_server(name)
    assert marks(own_stack.endpoints) == ("before the stop",) * 3


def test_a_paused_server_keeps_its_connections_and_answers_when_it_is_resumed(own_stack: Stack) -> None:
    with psycopg.connect(own_stack.endpoints.database_url) as connection, ThreadPoolExecutor() as pool:
        own_stack.pause_server("postgres")
        query = pool.submit(connection.execute, "SELECT 42")
        assert wait([query], timeout=0.2).not_done == {query}
        own_stack.resume_server("postgres")
        assert query.result(timeout=END_SECONDS).fetchone() == (42,)


def test_an_action_on_a_server_that_is_down_is_refused_in_one_line(own_stack: Stack) -> None:
    own_stack.kill_server("portal")
    try:
        with pytest.raises(LocalStackError, match=r"^portal is not running$"):
            own_stack.pause_server("portal")
    finally:
        own_stack.start_server("portal")


def test_no_password_is_on_a_command_line(own_stack: Stack) -> None:
    shown = command_lines(descendants_of(os.getpid()))
    assert "valkey-server" in shown
    endpoints = own_stack.endpoints
    for url in (endpoints.database_url, endpoints.redis_url):
        assert str(urllib.parse.urlsplit(url).password) not in shown
    assert endpoints.s3_secret_access_key not in shown


def test_a_second_stack_on_the_same_directory_is_refused_and_the_first_goes_on(own_stack: Stack) -> None:
    leave_marks(own_stack.endpoints, "of the first")
    second = Stack(own_stack.data_dir)
    with pytest.raises(LocalStackError) as refused:
        second.start()
    assert (
        str(refused.value) == f"the stack in {own_stack.data_dir} is already running, started by process {os.getpid()}"
    )
    assert marks(own_stack.endpoints) == ("of the first",) * 3


def test_a_stack_on_another_directory_runs_at_the_same_time_and_keeps_its_data_and_credentials(
    own_stack: Stack, tmp_path: Path
) -> None:
    other = tmp_path / 'directory with "quotes", 100% and spaces'
    with running_stack(other, with_portal=False) as first_run:
        assert first_run.endpoints.database_url != own_stack.endpoints.database_url
        assert first_run.endpoints.portal_url is None
        prepare(first_run.endpoints)
        leave_marks(first_run.endpoints, "of the first run")
        with pytest.raises(LocalStackError, match="runs without portal"):
            first_run.kill_server("portal")
        secret = first_run.endpoints.s3_secret_access_key
        servers = [pid for pid in descendants_of(os.getpid()) if str(other) in command_lines([pid])]
    assert servers
    assert wait_until_ended(servers, 0)
    with running_stack(other, with_portal=False) as second_run:
        assert marks(second_run.endpoints) == ("of the first run",) * 3
        assert second_run.endpoints.s3_secret_access_key == secret
    assert marks(own_stack.endpoints)[0] != "of the first run"


def test_a_server_whose_port_was_taken_meanwhile_moves_to_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = ServerProcess(
            Valkey(tmp_path, "password"), port=port, log=tmp_path / "log", pid_record=PidRecord(tmp_path / "processes")
        )
        process.spawn()
        try:
            process.wait_until_ready(may_move=True)
            assert process.url != Valkey(tmp_path, "password").url(port)
            with redis_client(process.url) as valkey:
                assert valkey.ping()
        finally:
            process.stop()
