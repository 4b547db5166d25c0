# SPDX-License-Identifier: Apache-2.0
"""Run real Ansible with the plugin and read what it recorded.

``--ansible-bin`` names the folder of the ``ansible-playbook`` to test, by default that of this Python; with
``--collections`` the plugin comes from the collection installed there, by default from ``plugins/callback``.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
import tty
import types
from typing import Any

import pytest

from forge_events import hierarchy, spool

HERE = pathlib.Path(__file__).parent
PLUGINS = HERE.parent.parent / "plugins" / "callback"


@dataclasses.dataclass
class Run:
    """What one command did: its exit code, the bytes that its terminal received, and the spools that it left."""

    rc: int
    output: bytes
    spools: list[pathlib.Path]

    @property
    def records(self) -> list[spool.Record]:
        assert len(self.spools) == 1, f"{len(self.spools)} spools; the terminal said: {self.output.decode()}"
        return records_of(self.spools[0])

    @property
    def events(self) -> list[Any]:
        return [types.SimpleNamespace(**record.value) for record in self.records if record.kind == "event"]

    @property
    def stdout(self) -> bytes:
        return "".join(event.stdout for event in self.events).encode()

    def named(self, name: str) -> list[Any]:
        return [event for event in self.events if event.event == name]

    def under(self, task: str, name: str | None = None) -> list[Any]:
        """Return the events below the tasks of one name."""
        tasks = {e.uuid for e in self.named("playbook_on_task_start") if e.event_data["name"] == task}
        return [e for e in self.events if e.parent_uuid in tasks and name in (None, e.event)]


def records_of(path: pathlib.Path) -> list[spool.Record]:
    with path.open("rb") as file:
        return list(spool.read(file))


def shape(events: list[Any]) -> list[tuple[str, ...]]:
    """Return the plays and tasks with their hosts and results, in an order that no strategy changes."""
    names = {event.uuid: event.event_data.get("name", "") for event in events}
    parents = {event.uuid: event.parent_uuid for event in events}
    lines = []
    for event in events:
        if event.event in ("playbook_on_play_start", "playbook_on_task_start") or event.event.startswith("runner_"):
            path, above = [], event.parent_uuid
            while above is not None:
                path.append(names[above])
                above = parents[above]
            lines.append((*reversed(path), event.event, names[event.uuid], event.event_data.get("host", "")))
    return sorted(lines)


class Terminal:
    """A terminal of 80 columns that changes nothing of what it is given."""

    def __init__(self) -> None:
        self.main, self.side = pty.openpty()
        tty.setraw(self.side)
        termios.tcsetwinsize(self.side, (24, 80))
        self.received = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.main, 65536)
            except OSError:
                return
            if not data:
                return
            self.received += data

    def answer(self, prompt: bytes, typed: bytes) -> None:
        """Type when a prompt is there; what is typed before is thrown away."""
        for _ in range(3000):
            if prompt in self.received:
                os.write(self.main, typed)
                return
            time.sleep(0.02)

    def close(self) -> bytes:
        os.close(self.side)
        self._reader.join(timeout=20)
        os.close(self.main)
        return self.received


class Ansible:
    """The Ansible under test, with or without the plugin."""

    def __init__(self, config: pytest.Config, home: pathlib.Path) -> None:
        # By a path without spaces: Ansible's own commands do not quote where they are.
        self.bin = home / "bin"
        self.bin.symlink_to(config.getoption("--ansible-bin"))
        self.collections = config.getoption("--collections")
        self.home = home
        self.spool_dir = home / "spool"

    @property
    def version(self) -> tuple[int, ...]:
        command = [str(self.bin / "python"), "-c", "import ansible; print(ansible.__version__)"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return tuple(int(part) for part in text.split(".")[:2])

    def environment(self, *, with_plugin: bool = True, **more: str) -> dict[str, str]:
        passed = ("PATH", "LANG", "TERM", "TMPDIR")
        kept = {name: os.environ[name] for name in passed if name in os.environ}
        found = {
            **kept,
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_LOCALHOST_WARNING": "False",
            # Where HOME is not the user's own, ansible and its modules disagree on what ~ is.
            "ANSIBLE_ASYNC_DIR": str(self.home / "async"),
            "ANSIBLE_REMOTE_TMP": str(self.home / "remote"),
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            # Not the environment's own, whose path may have a space: modules need nothing but the standard library.
            "ANSIBLE_PYTHON_INTERPRETER": os.path.realpath(sys.executable),
            "FORGE_EVENTS_SPOOL_DIR": str(self.spool_dir),
            "PATH": f"{self.bin}:{kept.get('PATH', '')}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if with_plugin and self.collections:
            found |= {
                "ANSIBLE_COLLECTIONS_PATH": self.collections,
                "ANSIBLE_CALLBACKS_ENABLED": "forge.events.job_events",
            }
        elif with_plugin:
            found |= {"ANSIBLE_CALLBACK_PLUGINS": str(PLUGINS)}
        return found | more

    def start(
        self, *command: str, terminal: Terminal, with_plugin: bool = True, has_stdin: bool = False, **env: str
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(self.bin / command[0]), *command[1:]],
            cwd=HERE / "playbooks",
            env=self.environment(with_plugin=with_plugin, **env),
            stdin=terminal.side if has_stdin else subprocess.DEVNULL,
            stdout=terminal.side,
            stderr=terminal.side,
            start_new_session=True,
        )

    def run(
        self, *command: str, with_plugin: bool = True, answer: tuple[bytes, bytes] | None = None, **env: str
    ) -> Run:
        """Run a command of Ansible's on a terminal to its end, typing the answer to a prompt."""
        before = set(self.spools())
        terminal = Terminal()
        process = self.start(*command, terminal=terminal, with_plugin=with_plugin, has_stdin=bool(answer), **env)
        try:
            if answer is not None:
                terminal.answer(*answer)
            rc = process.wait(120)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            output = terminal.close()
        return Run(rc, output, [path for path in self.spools() if path not in before])

    def play(self, playbook: str, *arguments: str, **env: Any) -> Run:
        """Run a playbook of this folder over its inventory."""
        return self.run("ansible-playbook", "-i", "hosts", playbook, *arguments, **env)

    def spools(self) -> list[pathlib.Path]:
        return sorted(self.spool_dir.glob("*.jsonl"), key=lambda path: (path.stat().st_mtime_ns, path.name))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ansible-bin", default=str(pathlib.Path(sys.executable).parent))
    parser.addoption("--collections", default=None)


@pytest.fixture
def ansible(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Ansible:
    return Ansible(request.config, tmp_path)


@pytest.fixture
def lawful() -> Any:
    """Check that the events of a run keep the rules of counters, parents, levels and lines."""

    def check(run: Run) -> None:
        assert b"cannot record" not in run.output
        assert list(hierarchy.violations(run.events)) == []
        line = 0
        for event in run.events:
            assert event.start_line == line
            line = event.end_line
        assert line == run.stdout.count(b"\n") + (0 if run.stdout.endswith(b"\n") or not run.stdout else 1)

    return check
