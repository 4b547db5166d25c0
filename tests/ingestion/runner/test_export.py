# SPDX-License-Identifier: Apache-2.0
"""A job that is written for ansible-runner is what its own readers take."""

from __future__ import annotations

import stat
import types

import pytest
from ansible_runner.runner import Runner

from forge_events import open_store
from forge_events.artifact import write_artifact
from forge_events.errors import TargetExists
from forge_events.events import EventFilter
from forge_events.ingestion.sources import ingest
from tests.ingestion.runner.conftest import take
from tests.ingestion.spools import Spool, job_of, now


@pytest.fixture
def exported(handlers_run, tmp_path):
    """Write the job that the callback recorded, and return it with the folder."""
    with open_store(f"sqlite:///{tmp_path}/events.db") as store:
        (received,) = ingest(handlers_run.folder / "callback", store, now())
        job = job_of(received)
        events = list(store.events(job.id, EventFilter()))
        return job, events, write_artifact(store, job, tmp_path / "out")


def reader(folder) -> Runner:
    """Return runner's own reader of an artifact."""
    runner = Runner(types.SimpleNamespace(artifact_dir=str(folder), ident=folder.name))
    runner.status = "successful"
    return runner


def test_runners_own_readers_take_it(exported):
    job, events, folder = exported
    runner = reader(folder)
    assert folder.name == job.uuid
    read = list(runner.events)
    assert [(event["counter"], event["event"], event["uuid"]) for event in read] == [
        (event.counter, event.event, event.uuid) for event in events
    ]
    assert runner.stats["ok"] == {"h1": 4, "h2": 4, "h3": 4}
    assert len(list(runner.host_events("h1"))) == len([event for event in events if event.host_name == "h1"])
    with runner.stdout as stdout:
        assert stdout.read() == "".join(event.stdout for event in events)
    assert (folder / "status").read_text() == "successful"


def test_it_can_be_ingested_and_is_the_same_tree(exported, tmp_path, handlers_run):
    _job, _events, folder = exported
    found = take(folder.parent.parent, tmp_path / "again.db")
    assert found.shape() == handlers_run.take("callback").shape()
    assert found.problems == ["rc: it is missing"]  # the callback cannot see it


def test_nobody_else_may_read_it_and_nothing_is_written_over(exported, tmp_path):
    job, _events, folder = exported
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o600}
    with open_store(f"sqlite:///{tmp_path}/events.db") as store, pytest.raises(TargetExists):
        write_artifact(store, job, tmp_path / "out")
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_names_that_lead_out_of_the_folder_do_not(tmp_path):
    (tmp_path / "spool").mkdir()
    spool = Spool(tmp_path / "spool", job_uuid="x").event("playbook_on_start", uuid="../../../outside").stats().eof()
    text = spool.path.read_text().replace('"job_uuid":"x"', '"job_uuid":"../../x"')
    (tmp_path / "evil.jsonl").write_text(text)
    with open_store(f"sqlite:///{tmp_path}/events.db") as store:
        (received,) = ingest(tmp_path / "evil.jsonl", store, now())
        before = outside(tmp_path)
        folder = write_artifact(store, job_of(received), tmp_path / "out")
    assert folder.parent == tmp_path / "out" / "artifacts"
    assert len(list((folder / "job_events").iterdir())) == 2
    assert outside(tmp_path) == before


def outside(folder):
    paths = {path.relative_to(folder) for path in folder.rglob("*")}
    return {path for path in paths if path.parts[0] != "out" and not path.name.startswith("events.db")}
