"""docker-compose.yml, as far as it can be proven without an engine: Compose itself reads it, and pgAdmin its servers.json."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import requests
import yaml

from taxi_pipelines.settings import Settings
from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
GUIDE = ROOT / "docs" / "local-postgres.md"
VARIABLES = {
    "POSTGRES_PASSWORD",
    "POSTGRES_PORT",
    "PGADMIN_EMAIL",
    "PGADMIN_PASSWORD",
    "PGADMIN_PORT",
    "TAXI_AUTH",
    "TAXI_PORT",
}


def compose(*arguments: object, env_file: Path = EXAMPLE) -> subprocess.CompletedProcess[str]:
    """The real Docker Compose; `config` needs no engine. The package's own launcher hides the exit code."""
    found = importlib.util.find_spec("compose")
    assert found
    assert found.origin
    command = [
        Path(found.origin).parent / "docker-compose",
        "--env-file",
        env_file,
        *arguments,
        "config",
        "--format=json",
    ]
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, cwd=ROOT, env={"PATH": "/usr/bin"}
    )


@pytest.fixture(scope="module")
def config() -> Any:
    """The file as Compose understands it, every profile, with the values of .env.example."""
    done = compose("--file", COMPOSE_FILE, "--profile", "*")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def servers(config: Any) -> Any:
    """What pgAdmin finds as servers.json."""
    return json.loads(config["configs"]["servers"]["content"])["Servers"]


def test_it_fits_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "version" not in yaml.safe_load(COMPOSE_FILE.read_text())


def test_up_brings_the_database_and_once_it_is_healthy_all_that_uses_it() -> None:
    services = json.loads(compose("--file", COMPOSE_FILE).stdout)["services"]
    assert set(services) == {"postgres", "pgadmin", "taxi"}
    for name in ("pgadmin", "taxi"):
        assert services[name]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert {service["restart"] for service in services.values()} == {"unless-stopped"}


def test_every_published_port_is_bound_to_loopback(config: Any) -> None:
    ports = [port for service in config["services"].values() for port in service.get("ports", [])]
    assert {(port["host_ip"], port["published"]) for port in ports} == {
        ("127.0.0.1", port) for port in ("5432", "8080", "8085")
    }


def test_data_of_version_18_are_in_a_named_volume(config: Any) -> None:
    postgres = config["services"]["postgres"]
    assert postgres["image"] == "postgres:18"
    (volume,) = postgres["volumes"]
    assert (volume["type"], volume["source"], volume["target"]) == ("volume", "postgres", "/var/lib/postgresql")


def test_the_example_names_and_explains_exactly_the_variables_used() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE_FILE.read_text()))
    named = dict(line.split("=", 1) for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#"))
    assert used == set(named) == VARIABLES
    assert all(named.values())
    assert [name for name in VARIABLES if f"`{name}`" not in GUIDE.read_text()] == []


def test_without_env_file_the_message_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    done = compose("--file", COMPOSE_FILE, env_file=tmp_path / "empty")
    assert done.returncode != 0
    assert "copy .env.example to .env" in done.stderr


def test_pgadmin_knows_the_server_its_user_its_database_and_its_password(config: Any, servers: Any) -> None:
    (server,) = servers.values()
    database = config["services"]["postgres"]["environment"]
    assert server["Host"] in config["services"]
    assert (server["Username"], server["MaintenanceDB"]) == (database["POSTGRES_USER"], database["POSTGRES_DB"])
    line = f"{server['Host']}:{server['Port']}:*:{server['Username']}:{database['POSTGRES_PASSWORD']}"
    assert config["configs"]["pgpass"]["content"].strip() == line


def test_pgadmin_alone_can_read_the_password_file(config: Any) -> None:
    pgadmin = config["services"]["pgadmin"]
    (mounted,) = [item for item in pgadmin["configs"] if item["source"] == "pgpass"]
    assert mounted["target"] == pgadmin["environment"]["PGPASS_FILE"]
    assert (mounted["uid"], int(mounted["mode"], 8)) == ("5050", 0o400)


def test_taxi_serves_with_a_login_on_that_database(config: Any) -> None:
    taxi, database = config["services"]["taxi"], config["services"]["postgres"]["environment"]
    address = f"postgresql://{database['POSTGRES_USER']}@postgres:5432/{database['POSTGRES_DB']}"
    assert taxi["environment"]["TAXI_POSTGRES_URL"] == address
    assert taxi["environment"]["PGPASSWORD"] == database["POSTGRES_PASSWORD"]
    assert taxi["command"] == ["up", "--host=0.0.0.0"]
    assert Settings(auth=taxi["environment"]["TAXI_AUTH"]).auth
    (port,) = taxi["ports"]
    assert port["target"] == Settings.model_fields["port"].default
    assert {volume["target"] for volume in taxi["volumes"]} == {"/data", "/data/flows"}


def test_the_image_is_built_from_files_that_exist_with_versions_from_the_lock_file(config: Any, tmp_path: Path) -> None:
    recipe = config["services"]["taxi"]["build"]["dockerfile_inline"].replace("$$", "$")
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", recipe, re.M) for name in line.split()]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    (script,) = re.findall(r"^RUN (sed .+) > /constraints.txt$", recipe, re.M)
    constraints = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert re.search(r"^psycopg==[\d.]+$", constraints, re.M)
    assert [line for line in constraints.splitlines() if not re.fullmatch(r"(#.*|[\w.-]+==[\w.]+)?", line)] == []


def test_the_guide_s_override_keeps_data_in_a_folder(tmp_path: Path) -> None:
    (override,) = re.findall(r"```yaml\n(services:.+?)```", GUIDE.read_text(), re.S)
    (tmp_path / "override.yml").write_text(override)
    done = compose("--file", COMPOSE_FILE, "--file", tmp_path / "override.yml")
    assert done.returncode == 0, done.stderr
    (volume,) = json.loads(done.stdout)["services"]["postgres"]["volumes"]
    assert (volume["type"], volume["target"]) == ("bind", "/var/lib/postgresql")


class PgAdmin:
    """The real pgAdmin in a virtual environment of its own, set up as its image's entrypoint does it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"

    def install(self) -> None:
        """Takes about a minute and 600 MB; skips the test where there is no package index."""
        subprocess.run([sys.executable, "-m", "venv", self.folder / "venv"], check=True)
        pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pgadmin4"]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"pgAdmin cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        (self.package,) = self.folder.glob("venv/lib/python*/site-packages/pgadmin4")

    def configure(self, port: int) -> None:
        places = {"DATA_DIR": "", "LOG_FILE": "log", "SQLITE_PATH": "pgadmin4.db", "SESSION_DB_PATH": "sessions"}
        places["STORAGE_DIR"] = "storage"
        lines = [f"{name} = {str(self.folder / 'data' / place)!r}" for name, place in places.items()]
        lines += ["SERVER_MODE = True", "UPGRADE_CHECK_ENABLED = False", f"DEFAULT_SERVER_PORT = {port}"]
        (self.folder / "data").mkdir()
        (self.package / "config_local.py").write_text("\n".join(lines) + "\n")

    def setup(self, email: str, password: str, *arguments: str) -> None:
        env = {"PGADMIN_SETUP_EMAIL": email, "PGADMIN_SETUP_PASSWORD": password, "HOME": str(self.folder)}
        command = [str(self.python), str(self.package / "setup.py"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def pgadmin() -> Iterator[PgAdmin]:
    with TemporaryDirectory(prefix="taxi-pgadmin-") as folder:
        admin = PgAdmin(Path(folder))
        admin.install()
        yield admin


@pytest.fixture
def database() -> Iterator[str]:
    with TemporaryDirectory(prefix="taxi-postgres-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        yield server.start()
        server.stop()


@pytest.mark.slow
def test_the_real_pgadmin_opens_the_server_without_asking_for_anything(
    pgadmin: PgAdmin, database: str, config: Any, servers: Any
) -> None:
    """Only host, port, user and password are those of another server than the container's."""
    email, login = (config["services"]["pgadmin"]["environment"][f"PGADMIN_DEFAULT_{x}"] for x in ("EMAIL", "PASSWORD"))
    found = re.fullmatch(r"postgresql://(\w+):(\w+)@([\d.]+):(\d+)/(\w+)", database)
    assert found
    user, password, host, port, name = found.groups()
    (server,) = servers.values()
    assert server["MaintenanceDB"] == name
    pgadmin.configure(int(port) + 1)
    here = server | {"Host": host, "Port": int(port), "Username": user}
    (pgadmin.folder / "servers.json").write_text(json.dumps({"Servers": {"1": here}}))
    pgadmin.setup(email, login, "setup-db")
    pgadmin.setup(email, login, "load-servers", str(pgadmin.folder / "servers.json"), "--user", email)
    storage = pgadmin.folder / "data" / "storage" / email.replace("@", "_")
    storage.mkdir(parents=True)
    (storage / ".pgpass").write_text(f"{host}:{port}:*:{user}:{password}\n")
    (storage / ".pgpass").chmod(0o600)
    answer = _connect(pgadmin, f"http://127.0.0.1:{int(port) + 1}", email, login)
    assert (answer["success"], answer["data"]["connected"]) == (1, True), answer


def _connect(pgadmin: PgAdmin, base: str, email: str, password: str) -> Any:
    """What pgAdmin answers to a click on the server."""
    command = [str(pgadmin.python), str(pgadmin.package / "pgAdmin4.py")]
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running,
        requests.Session() as session,
    ):
        try:
            _wait_for(session, f"{base}/misc/ping")
            token = re.search(r'csrfToken":\s*"([^"]+)"', session.get(f"{base}/login").text)
            assert token
            form = {"email": email, "password": password, "csrf_token": token[1], "internal_button": "Login"}
            assert session.post(f"{base}/authenticate/login", data=form).url == f"{base}/browser/"
            script = session.get(f"{base}/browser/js/utils.js").text
            token = re.search(r"csrf_token['\"]\]?\s*[:=]\s*['\"]([^'\"]+)", script)
            assert token
            headers = {"X-pgA-CSRFToken": token[1]}
            return session.post(f"{base}/browser/server/connect/2/1", headers=headers, data={}).json()
        finally:
            running.terminate()


def _wait_for(session: requests.Session, url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            session.get(url).raise_for_status()
            return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise AssertionError(f"nothing answers at {url}")
