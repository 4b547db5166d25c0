# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from forge_events.events import EventFilter
from forge_events.hierarchy import EVENTS, violations
from forge_events.ingestion.sources import ingest
from forge_events.store import open_store
from tests.conftest import ROOT

if TYPE_CHECKING:
    import pathlib

    from forge_events.events import JobEvent
    from forge_events.ingestion.receiver import Received
    from forge_events.jobs import Job
    from forge_events.store import Store


_SOURCE = re.compile(r"^((?:\x1b\[[0-9;]*m)? *\d+ ).*$", re.MULTILINE)


class Taken:
    """One job as a store has it, and what was told of on the way."""

    def __init__(self, store: Store, received: list[Received]) -> None:
        self.problems = [f"{each.path.name}: {each.problem}" for each in received if each.problem]
        self.jobs: list[Job] = [each.job for each in received if each.job is not None]
        self.counts = [each.event_count for each in received if each.job is not None]
        self.events = list(store.events(self.jobs[0].id, EventFilter())) if self.jobs else []

    @property
    def job(self) -> Job:
        (job,) = self.jobs
        return job

    @property
    def stdout(self) -> str:
        return "".join(event.stdout for event in self.events)

    @property
    def early(self) -> str:
        """What was shown before runner's plugin was loaded: messages that no process signed."""
        return "".join(e.stdout for e in self.events if e.pid is None and EVENTS[e.event].level == 0)

    def named(self, name: str) -> list[JobEvent]:
        return [event for event in self.events if event.event == name]

    def shape(self, *, has_failures: bool = True) -> list[tuple[Any, ...]]:
        """Return everything but the messages, in order: what it is, where it stands, what it shows, how it went."""
        names = {event.uuid: (event.event, event.event_data.get("name")) for event in self.events}
        return [
            (
                event.event,
                event.event_data.get("name"),
                event.host_name,
                event.task,
                event.role,
                names.get(event.parent_uuid or ""),
                event.event_data.get("run"),
                event.event_data.get("batch"),
                (event.failed, event.changed) if has_failures else None,
                without_source(event.stdout),
            )
            for event in self.events
            if EVENTS[event.event].level or event.parent_uuid is None
        ]


def without_source(text: str) -> str:
    """Return output without the lines of source beside an error: which of them hide nothing is less well known here."""
    return _SOURCE.sub(r"\1", text)


def take(path: pathlib.Path, database: pathlib.Path, **wishes: Any) -> Taken:
    """Ingest a path into a database."""
    with open_store(f"sqlite:///{database}") as store:
        taken = Taken(store, ingest(path, store, datetime.datetime.now(datetime.UTC), **wishes))
        if taken.jobs:
            assert list(violations(taken.events)) == []
        return taken


class Ran:
    """A playbook that a real ansible-runner ran, with all that was recorded of it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    @property
    def artifact(self) -> pathlib.Path:
        (folder,) = (self.private_data_dir / "artifacts").iterdir()
        return folder

    @property
    def private_data_dir(self) -> pathlib.Path:
        processed = self.folder / "processed"
        return processed if processed.exists() else self.folder / "data"

    def take(self, name: str) -> Taken:
        """Ingest one of its records: ``callback``, ``live``, ``processed`` or ``data``, ``stream.jsonl``."""
        return take(self.folder / name, self.folder / f"{name}.db")


def run(folder: pathlib.Path, way: str, playbook: str, *variables: str) -> Ran:
    command = [sys.executable, "-m", "tests.ingestion.runner.running", way, str(folder), playbook, *variables]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120, stdin=subprocess.DEVNULL)
    return Ran(folder)


@pytest.fixture(scope="session")
def handlers_run(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Return a small playbook that ran once, to be copied and broken."""
    return run(tmp_path_factory.mktemp("handlers"), "run", "handlers.yml")
