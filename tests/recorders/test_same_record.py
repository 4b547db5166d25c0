# SPDX-License-Identifier: Apache-2.0
"""One playbook has one record: whoever starts it, and whoever told of it."""

from __future__ import annotations

import dataclasses

import pytest

from forge_events.jobs import JobStatus
from tests.cli.conftest import CommandLine
from tests.recorders.ways import PLAYBOOKS, WAYS, latest, run

BOOKS = sorted(path.stem for path in PLAYBOOKS.glob("*.yml"))

# How Ansible itself ends; all others are successful, with 0.
ENDS = {
    "any_errors_fatal": (JobStatus.FAILED, 2),
    "fails": (JobStatus.FAILED, 2),
    "killed": (JobStatus.ERROR, 137),
    "refused": (JobStatus.FAILED, 4),
    "rescue_fails": (JobStatus.FAILED, 2),
    "run_once": (JobStatus.FAILED, 2),
    "shown": (JobStatus.FAILED, 2),
    "unreachable": (JobStatus.FAILED, 4),
}
# Beside being run; the others are launched, and run in containers, in the long campaign.
LAUNCHED = {"asynchronous", "hidden", "killed", "linear", "rescued"}
# What runner leaves out: whether a censored loop changed something, whether a missing include was rescued, whether the
# failure of an item is ignored. Then an event has its place, and not all of its marks.
UNTOLD_BY_RUNNER = {"hidden.yml", "include_missing.yml", "loops.yml"}
PLACE = 7
# The first process of a container cannot be killed from inside.
NOT_CONTAINED = {"killed"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    found = CommandLine(tmp_path_factory.mktemp("home"))
    # Where HOME is not the user's own, ansible and its modules disagree on what ~ is. With one fork, hosts report in
    # one order, which is told: `included: ... for h1, h2`.
    settings = {"ANSIBLE_ASYNC_DIR": str(found.home / "async"), "ANSIBLE_FORKS": "1"}
    return dataclasses.replace(found, settings=settings)


@pytest.fixture
def recorded(home, request):
    """Return the record of a playbook by `record`, held against what Ansible is known to do."""
    WAYS["record"](home, request.param)
    found = latest(home)
    assert (found.job.status, found.job.rc) == ENDS.get(request.param, (JobStatus.SUCCESSFUL, 0))
    return found


def check(found, expected, way):
    """Check that a record is the expected one, with what is known to be otherwise of ansible-runner and of a kill."""
    is_killed = expected.job.status is JobStatus.ERROR
    assert found.job.status is expected.job.status
    if way == "ingest" and found.job.name in UNTOLD_BY_RUNNER:
        assert [row[:PLACE] for row in found.tree()] == [row[:PLACE] for row in expected.tree()]
    else:
        assert found.tree() == expected.tree()
    if not is_killed:  # a shell adds 128 to the number of the signal
        assert found.outcome() == expected.outcome()
    if way in ("run", "launch"):  # an image has an Ansible of its own, whose words may be others
        assert found.results() == expected.results()
        assert is_killed or found.lines() == expected.lines()


@pytest.mark.parametrize(
    ("way", "name", "recorded"),
    [
        pytest.param(way, name, name, marks=[pytest.mark.full] * (way == "launch" and name not in LAUNCHED))
        for name in BOOKS
        for way in ("run", "launch", "ingest")
    ],
    indirect=["recorded"],
)
def test_a_playbook_has_one_record_in_whatever_way_it_comes(home, recorded, way, name):
    dispatcher = home.start("dispatcher", "--node", "here") if way == "launch" else None
    try:
        WAYS[way](home, name)
    finally:
        if dispatcher is not None:
            dispatcher.terminate()
            dispatcher.communicate()
    check(latest(home), recorded, way)


@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        pytest.param(name, name, marks=[pytest.mark.full] * (name not in LAUNCHED))
        for name in BOOKS
        if name not in NOT_CONTAINED
    ],
    indirect=["recorded"],
)
def test_a_playbook_has_the_same_record_in_a_container(home, recorded, name, podman, image):
    run(home, name, "--ee", image, env=podman.environment)
    check(latest(home), recorded, "container")


def test_no_way_keeps_what_is_hidden(home):
    for way in ("record", "run", "ingest"):
        WAYS[way](home, "hidden")
        found = latest(home)
        kept = "\n".join([repr(dataclasses.asdict(found)["job"]), *(event.model_dump_json() for event in found.events)])
        assert "hush" not in kept, way


def test_the_corpus_is_large_enough():
    assert len(BOOKS) >= 25
    assert ENDS.keys() <= set(BOOKS)
