# SPDX-License-Identifier: Apache-2.0
"""Run the command line as a process of its own, in a home of its own.

Where nothing but what a command writes and how it ends is the subject, the process is forked (see
:mod:`tests.forking`); where signals, pipes or terminals are, it starts anew.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pexpect
import pytest

from tests import forking

ROOT = pathlib.Path(__file__).parent.parent.parent
# Not `-m`, which would look in the working directory, nor PYTHONPATH, which recorded commands would inherit.
COMMAND = [
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from forge_events.cli.main import main; main()",
]


@dataclasses.dataclass
class Result:
    """What a command printed and how it ended."""

    rc: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line that stderr holds, without the command's name."""
        (line,) = self.err.decode().splitlines()
        assert line.startswith("forge-events: ")
        return line.removeprefix("forge-events: ")


@dataclasses.dataclass
class CommandLine:
    """``forge-events`` with a home of its own, and a database elsewhere if ``url`` names one.

    :param settings: further variables of the environment.
    """

    home: pathlib.Path
    url: str = ""
    settings: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def spool(self) -> pathlib.Path:
        return self.home / "spool"

    @property
    def database(self) -> dict[str, str]:
        return {"FORGE_EVENTS_DATABASE_URL": self.url} if self.url else {}

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "ANSIBLE_HOME", "ANSIBLE_REMOTE_TMP")}
        own = {"HOME": str(self.home), "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "TZ": "UTC"}
        # Looking for an interpreter prints warnings, and finds another one on each machine.
        own["ANSIBLE_PYTHON_INTERPRETER"] = os.path.realpath(sys.executable)
        return {**kept, **own, "FORGE_EVENTS_HOME": str(self.home), **self.database, **self.settings, **more}

    def start(self, *arguments: str | pathlib.Path, **options: Any) -> subprocess.Popen[bytes]:
        env = self.environment(**options.pop("env", {}))
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([*COMMAND, *map(str, arguments)], env=env, **{**pipes, **options})

    def __call__(self, *arguments: str | pathlib.Path, **options: Any) -> Result:
        environment = self.environment(**options.get("env", {}))
        if options.keys() <= {"env", "cwd"} and forking.can_run(environment):
            cwd = str(options.get("cwd", pathlib.Path.cwd()))
            return Result(*forking.server().run([str(one) for one in arguments], environment, cwd, 120))
        with self.start(*arguments, **options) as process:
            out, err = process.communicate(timeout=120)
        return Result(process.returncode, out or b"", err or b"")

    def good(self, *arguments: str | pathlib.Path, **options: Any) -> Result:
        """Run a command that has to succeed, and has nothing to complain about."""
        result = self(*arguments, **options)
        assert (result.rc, result.err.decode()) == (0, "")
        return result

    def on_terminal(self, *arguments: str, env: dict[str, str] | None = None, **options: Any) -> pexpect.spawn:
        """Start a command on a terminal of 24 lines and 80 columns."""
        environment = self.environment(**(env or {}))
        command, *words = [*COMMAND, *arguments]
        return pexpect.spawn(command, words, env=environment, dimensions=(24, 80), timeout=60, **options)


def shown(terminal: pexpect.spawn) -> bytes:
    """Return all that a terminal shows until its command ends."""
    terminal.expect(pexpect.EOF)
    terminal.wait()
    return bytes(terminal.before)


@pytest.fixture
def cli(tmp_path: pathlib.Path) -> CommandLine:
    home = tmp_path / "home"
    home.mkdir()
    return CommandLine(home)


@pytest.fixture
def anywhere(cli: CommandLine, url: str) -> CommandLine:
    """Return the command line on a new and empty database, of each backend in turn."""
    return dataclasses.replace(cli, url=url)


@pytest.fixture
def on_server(cli: CommandLine, postgresql_url: str) -> CommandLine:
    """Return the command line on a new and empty database of PostgreSQL."""
    return dataclasses.replace(cli, url=postgresql_url)
