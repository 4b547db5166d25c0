# SPDX-License-Identifier: Apache-2.0
"""One playbook has one record: whoever starts it, and whoever told of it."""

from __future__ import annotations

import pathlib

import pytest

from forge_events.jobs import JobStatus
from tests.cli.conftest import CommandLine
from tests.recorders.ways import PLAYBOOKS, WAYS, latest

BOOKS = sorted(path.stem for path in PLAYBOOKS.glob("*.yml"))

# How Ansible itself ends; all others are successful, with 0.
ENDS = {
    "any_errors_fatal": (JobStatus.FAILED, 2),
    "fails": (JobStatus.FAILED, 2),
    "killed": (JobStatus.ERROR, -9),
    "refused": (JobStatus.FAILED, 4),
    "rescue_fails": (JobStatus.FAILED, 2),
    "unreachable": (JobStatus.FAILED, 4),
}
# What is killed leaves ansible-runner no exit code; a shell, and so `record`, says 128 and the signal.
KILLED = {None, -9, 137, 254}


@pytest.fixture(scope="module")
def cli(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    found = CommandLine(home)
    dispatcher = found.start("dispatcher", "--node", "here")
    yield found
    dispatcher.terminate()
    dispatcher.communicate()


@pytest.fixture(scope="module")
def records(cli):
    """Return what gives the record of a playbook, by `record`, made once."""
    made = {}

    def of(name):
        if name not in made:
            WAYS["record"](cli, name)
            made[name] = latest(cli)
        return made[name]

    return of


@pytest.mark.parametrize("name", BOOKS)
def test_a_recorded_command_ends_as_ansible_says(records, name):
    job = records(name).job
    status, rc = ENDS.get(name, (JobStatus.SUCCESSFUL, 0))
    assert (job.status, job.rc in KILLED if rc == -9 else job.rc) == (status, True if rc == -9 else rc)
    assert job.failed is (status is not JobStatus.SUCCESSFUL and name not in ("refused", "killed"))


@pytest.mark.parametrize("name", BOOKS)
@pytest.mark.parametrize("way", ["run", "launch"])
def test_a_launched_job_is_the_recorded_command(cli, records, way, name):
    expected = records(name)
    WAYS[way](cli, name)
    found = latest(cli)
    if name != "killed":
        assert found.outcome() == expected.outcome()
        assert found.lines() == expected.lines()
    assert found.job.status is expected.job.status
    assert found.tree() == expected.tree()
    assert found.results() == expected.results()


@pytest.mark.parametrize("name", BOOKS)
def test_what_ansible_runner_wrote_is_the_recorded_command(cli, records, name):
    expected = records(name)
    WAYS["ingest"](cli, name)
    found = latest(cli)
    if name != "killed":
        assert found.outcome() == expected.outcome()
    assert found.job.status is expected.job.status
    assert found.tree() == expected.tree()


def test_no_way_keeps_what_is_hidden(cli, records):
    for way in WAYS:
        WAYS[way](cli, "hidden")
        found = latest(cli)
        kept = "\n".join([found.job.model_dump_json(), *(event.model_dump_json() for event in found.events)])
        assert "hush" not in kept, way


def test_the_corpus_is_large_enough():
    assert len(BOOKS) >= 25
    assert all(pathlib.Path(PLAYBOOKS / f"{name}.yml").is_file() for name in ENDS)
