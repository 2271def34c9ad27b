"""A PostgreSQL server for one run of the tests: started, used, thrown away."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from tests.support.ports import free_port


def find_binary(name: str) -> str:
    """PostgreSQL's program, on PATH or where Debian keeps it. Fails where there is none."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([*map(str, places), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    if found is None:
        raise RuntimeError(f"{name} is missing: install PostgreSQL (make test does)")
    return found


class Postgres:
    """The server; `url(name)` is a database of it, `create(name)` makes one."""

    def __init__(self, durable: bool = False) -> None:
        self.durable = durable
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="vigil-pg-"))
        # PostgreSQL refuses to run as root: then it runs as its own user.
        self.user = "postgres" if os.geteuid() == 0 else None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make a cluster and start it; without fsync where the databases live for minutes only."""
        if self.user:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        data = self.folder / "data"
        make = [find_binary("initdb"), "-D", str(data), "-U", "vigil", "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            [*make, "--no-sync"], check=True, capture_output=True, user=self.user, cwd="/"
        )
        options = {"max_connections": "200"}
        if not self.durable:
            options |= {"fsync": "off", "full_page_writes": "off"}
        run = [find_binary("postgres"), "-D", str(data), "-k", str(self.folder), "-h", "127.0.0.1"]
        run += ["-p", str(self.port), *(f"--{name}={value}" for name, value in options.items())]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                run, stdout=log, stderr=log, user=self.user, cwd="/", start_new_session=True
            )
        self._wait()

    def stop(self) -> None:
        """Stop it and remove what it wrote."""
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The root of its processes."""
        if self.process is None:
            raise RuntimeError("not started")
        return self.process.pid

    def url(self, name: str) -> str:
        """The address of a database, as the setting DATABASE_URL has it."""
        return f"postgresql://vigil@127.0.0.1:{self.port}/{name}"

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database, its address."""
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, connections and all."""
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _wait(self) -> None:
        for _ in range(300):
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        raise RuntimeError((self.folder / "log").read_text())
