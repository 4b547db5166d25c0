# SPDX-License-Identifier: Apache-2.0
"""The ways in which a playbook gets into the store, each run for real, and what no way changes of a record."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from forge_events.events import EventFilter
from forge_events.hierarchy import EVENTS, violations
from forge_events.output import to_text
from forge_events.store import open_store
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forge_events.events import JobEvent
    from forge_events.jobs import Job
    from tests.cli.conftest import CommandLine

PLAYBOOKS = pathlib.Path(__file__).parent / "playbooks"

# What Ansible is told beside the playbook, by the playbook's name.
OPTIONS = {"dry": ["--check"]}

_OWN_WAYS = frozenset({"free.yml", "host_pinned.yml"})
_VOLATILE = frozenset({"start", "end", "delta", "ansible_job_id", "results_file", "stdout", "msg", "exception"})
_TIMES = re.compile(r'"(start|end|delta)": "[^"]*"|\bjid=j[\d.]+|\bj\d{9,}\.\d+')
_LOOKS = re.compile(r"ASYNC POLL on |FAILED - RETRYING: .*is looked for")


@dataclasses.dataclass(frozen=True)
class Record:
    """One job as the store has it."""

    job: Job
    events: list[JobEvent]
    hosts: list[dict[str, Any]]
    output: str

    def outcome(self) -> tuple[Any, ...]:
        """Return how the job and its hosts ended."""
        return self.job.status, self.job.rc, self.job.failed, self.job.changed, self.hosts

    def tree(self) -> list[tuple[Any, ...]]:
        """Return all events but messages, with place, run, batch and roll-up, in an order that no timing changes.

        How often something asynchronous is looked at is a matter of time, too.
        """
        names = {event.uuid: (event.event, event.event_data.get("name")) for event in self.events}
        return sorted(
            (
                event.event,
                str(event.event_data.get("name")),
                event.host_name,
                event.task,
                str(names.get(event.parent_uuid or "")),
                event.event_data.get("run") or 0,
                event.event_data.get("batch") or 0,
                event.failed,
                event.changed,
                bool(event.event_data.get("ignore_errors")),
                bool(event.event_data.get("rescued")),
            )
            for event in self.events
            if (EVENTS[event.event].level or event.parent_uuid is None) and not _is_look(event)
        )

    def results(self) -> list[tuple[str, str, str, str]]:
        """Return what each host's results hold, without what differs from run to run."""
        return sorted(
            (event.event, event.host_name, event.task, repr(_steady(_result(event))))
            for event in self.events
            if EVENTS[event.event].level == 3 and not _is_look(event)
        )

    def lines(self) -> list[str]:
        """Return the lines of the output, in an order that no timing changes."""
        # Whoever runs it on a terminal has colours.
        shown = _TIMES.sub("", "".join(to_text([self.output])))
        lines = [line for line in shown.splitlines() if line.strip() and not _LOOKS.match(line)]
        # Where each host goes its own way, the banner of a task comes as often as another host's comes in between.
        return sorted(set(lines) if self.job.name in _OWN_WAYS else lines)


def _is_of_async(event: JobEvent) -> bool:
    return str(event.event_data.get("task_action")).rpartition(".")[2] == "async_status"


def _is_look(event: JobEvent) -> bool:
    """Return whether an event is one of several looks at something asynchronous, of which there may be none."""
    return event.event == "runner_on_async_poll" or (event.event == "runner_retry" and _is_of_async(event))


def _result(event: JobEvent) -> Any:
    """Return a result, without how often something asynchronous was looked at."""
    found = event.event_data.get("res")
    return {**found, "attempts": 1} if _is_of_async(event) and isinstance(found, dict) else found


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _steady(part) for key, part in sorted(value.items()) if key not in _VOLATILE}
    return [_steady(part) for part in value] if isinstance(value, list) else value


def _arguments(name: str) -> list[str]:
    return ["-i", "hosts", *OPTIONS.get(name, []), f"{name}.yml"]


def recorded(cli: CommandLine, name: str) -> None:
    """Record the command."""
    cli("record", "--", "ansible-playbook", *_arguments(name), cwd=PLAYBOOKS)


def run(cli: CommandLine, name: str, *options: str, env: Mapping[str, str] | None = None) -> None:
    """Run it as a job of a process of its own."""
    cli("run", *options, *_arguments(name), cwd=PLAYBOOKS, env=dict(env or {}))


def launched(cli: CommandLine, name: str) -> None:
    """Queue it for a dispatcher, and wait."""
    job = cli("launch", *_arguments(name), cwd=PLAYBOOKS).text.strip()
    cli("wait", job)


def ingested(cli: CommandLine, name: str) -> None:
    """Have ansible-runner run it, and ingest what that wrote."""
    folder = cli.home / f"runner-{name}-{time.monotonic_ns()}"
    env = {key: value for key, value in cli.environment().items() if not key.startswith("FORGE_EVENTS_")}
    words = [*OPTIONS.get(name, []), f"{name}.yml"]
    command = [sys.executable, "-m", "tests.recorders.runner", str(folder), *words]
    subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=120, stdin=subprocess.DEVNULL)
    cli("ingest", folder)


WAYS: dict[str, Callable[[CommandLine, str], None]] = {
    "record": recorded,
    "run": run,
    "launch": launched,
    "ingest": ingested,
}


def latest(cli: CommandLine) -> Record:
    """Return the job that came last."""
    with open_store(f"sqlite:///{cli.home}/events.db") as store:
        job = store.job("latest")
        events = list(store.events(job.id, EventFilter()))
        assert list(violations(events)) == []
        hosts = [summary.model_dump(exclude={"job_id"}) for summary in store.host_summaries(job.id)]
        return Record(job, events, hosts, "".join(store.stdout(job.id)))
