# SPDX-License-Identifier: Apache-2.0
"""Dispatchers as processes of their own, and playbooks for them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from forge_events import launching
from forge_events.events import EventFilter
from forge_events.launches import Launch

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

    from forge_events.jobs import Job
    from forge_events.store import Store

# Writes down that it was run: once at its beginning, once at its end.
MARKING = """
- hosts: all
  gather_facts: false
  tasks:
    - name: begin
      command: sh -c 'echo begin >> {{ marks }}/{{ mark }}'
    - name: work
      command: sleep {{ seconds }}
      when: seconds | float > 0
    - name: end
      command: sh -c 'echo end >> {{ marks }}/{{ mark }}'
"""
TRIVIAL = """
- hosts: all
  gather_facts: false
  tasks:
    - name: mark
      raw: echo begin >> {{ marks }}/{{ mark }}; echo end >> {{ marks }}/{{ mark }}
"""
SLOW = (
    """
- hosts: all
  gather_facts: false
  tasks:
    - raw: sleep {{ seconds }}
"""
    + 16 * "    - raw: sleep {{ seconds }}\n"
)


@dataclasses.dataclass
class Engine:
    """A home, a database, and the dispatchers that work on it."""

    home: pathlib.Path
    url: str
    settings: dict[str, str] = dataclasses.field(default_factory=dict)
    dispatchers: dict[str, subprocess.Popen[bytes]] = dataclasses.field(default_factory=dict)

    @property
    def project(self) -> pathlib.Path:
        return self.home / "project"

    @property
    def marks(self) -> pathlib.Path:
        return self.home / "marks"

    def prepare(self) -> None:
        """Make the folders and the playbooks."""
        for folder in (self.project, self.marks):
            folder.mkdir(parents=True)
        (self.project / "marking.yml").write_text(MARKING)
        (self.project / "trivial.yml").write_text(TRIVIAL)
        (self.project / "slow.yml").write_text(SLOW)

    def environment(self) -> dict[str, str]:
        own = {"FORGE_EVENTS_HOME": str(self.home), "FORGE_EVENTS_DATABASE_URL": self.url}
        # Looking for an interpreter prints warnings, and finds another one on each machine.
        own["ANSIBLE_PYTHON_INTERPRETER"] = os.path.realpath(sys.executable)
        own["ANSIBLE_RETRY_FILES_ENABLED"] = "0"
        return {**os.environ, **own, **{f"FORGE_EVENTS_{name}": value for name, value in self.settings.items()}}

    def start(self, node: str = "a", *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start the dispatcher of a node, with further variables in its environment."""
        command = [sys.executable, "-P", "-m", "forge_events", "dispatcher", "--node", node, "-v", *options]
        with (self.home / f"dispatcher-{node}.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=self.environment() | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.dispatchers[node] = process
        return process

    @contextlib.contextmanager
    def receiver(self) -> Iterator[None]:
        """Run a receiver meanwhile."""
        command = [sys.executable, "-P", "-m", "forge_events", "receiver"]
        process = subprocess.Popen(command, env=self.environment(), stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)

    def kill(self, node: str = "a", number: int = signal.SIGKILL) -> None:
        """Send a signal to the dispatcher of a node, and wait for its end."""
        process = self.dispatchers.pop(node)
        process.send_signal(number)
        process.wait(30)

    def launch(self, store: Store, playbook: str = "marking.yml", *, seconds: float = 0, **fields: object) -> Job:
        """Launch a playbook; what it marks is called like the job."""
        name = str(fields.pop("name", None) or f"job-{time.monotonic_ns()}")
        variables = {"marks": str(self.marks), "mark": name, "seconds": seconds, "ansible_connection": "local"}
        fields.setdefault("inventory", ["localhost,"])
        extra = {**variables, **fields.pop("extra_vars", {})}  # type: ignore[dict-item]
        what = Launch.of(playbook=playbook, project=str(self.project), extra_vars=extra, **fields)
        return launching.launch(store, what, name=name)

    def logs(self) -> str:
        return "".join(f"== {path.name}\n{path.read_text()}" for path in sorted(self.home.glob("dispatcher-*.log")))


@contextlib.contextmanager
def engine(home: pathlib.Path, url: str, **settings: str) -> Iterator[Engine]:
    """Give an engine without a dispatcher; those that are started are stopped at the end."""
    made = Engine(home, url, settings)
    made.prepare()
    try:
        yield made
    finally:
        for node in list(made.dispatchers):
            made.kill(node)


def until(is_so: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it has not come to it"
        time.sleep(0.1)


def lateness(store: Store, job_id: int) -> list[float]:
    """Return how many seconds each event took to be seen in the store that came while its job ran.

    :param store: one that reads what is committed, and brings nothing in.
    """
    found: list[float] = []
    counter = 0
    while not store.job(str(job_id)).status.is_final:
        for event in store.events(job_id, EventFilter(), after=counter):
            found.append(time.time() - event.created.timestamp())
            counter = event.counter
        time.sleep(0.01)
    return found
