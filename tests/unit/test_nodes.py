# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime

import pytest

from forge_events.nodes import Machine, Node, NodeState, NodeType, capacity_of, named

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
GB = 2**30
LOST_AFTER = 30.0


def later(seconds):
    return NOW + datetime.timedelta(seconds=seconds)


def node(**facts):
    plain = {"id": 1, "hostname": "a", "created": NOW, "last_seen": NOW, "machine": "m", "is_manned": True}
    return Node(**{**plain, "cpu": 4, "memory": 8 * GB, **facts})


@pytest.mark.parametrize(
    ("cpu", "memory", "adjustment", "capacity"),
    [
        (4, 8 * GB, 0, 16),
        (4, 8 * GB, 1, 81),
        (4, 8 * GB, 0.5, 48),
        (4, 4 * GB, 0, 16),
        (4, 4 * GB, 1, 40),
        (4, 4 * GB, 0.5, 28),
        (64, 1 * GB, 0, 10),
        (64, 1 * GB, 1, 256),
        (1, 100 * 2**20, 0, 1),
        (1, 199 * 2**20, 0, 1),
        (1, 200 * 2**20, 0, 2),
        (0.5, 8 * GB, 0, 2),
        (0.1, 8 * GB, 0, 1),
        (4, 1, 0, 1),
        (1.9, 8 * GB, 0, 7),
    ],
)
def test_the_capacity_of_a_machine(cpu, memory, adjustment, capacity):
    assert capacity_of(Machine(cpu=cpu, memory=memory), adjustment) == capacity


def test_three_jobs_of_five_forks_leave_one_of_sixteen():
    assert (node().capacity, node(consumed=15, job_count=3).remaining) == (16, 1)


def test_a_job_that_is_larger_than_its_node_leaves_less_than_nothing():
    assert node(consumed=20).remaining == -4


def test_the_owners_word_goes_before_what_was_measured():
    assert node(absolute_cpu=0.5).capacity == 2
    assert node(absolute_memory=500 * 2**20).capacity == 5
    assert node(absolute_cpu=100.0, absolute_memory=100 * GB).capacity == 400
    assert node(absolute_memory=500 * 2**20, capacity_adjustment=1).capacity == 16
    assert node(cpu=None, memory=None, absolute_cpu=2.0, absolute_memory=GB).capacity == 8


@pytest.mark.parametrize("missing", ["cpu", "memory"])
def test_a_machine_that_nobody_measured_has_no_capacity(missing):
    assert node(**{missing: None}).capacity == 0


@pytest.mark.parametrize(
    ("node_type", "runs_jobs", "dispatches", "capacity"),
    [
        (NodeType.HYBRID, True, True, 16),
        (NodeType.EXECUTION, True, False, 16),
        (NodeType.CONTROL, False, True, 0),
        (NodeType.HOP, False, False, 0),
    ],
)
def test_what_a_type_of_node_does(node_type, runs_jobs, dispatches, capacity):
    assert (node_type.runs_jobs, node_type.dispatches) == (runs_jobs, dispatches)
    assert node(node_type=node_type).capacity == capacity


@pytest.mark.parametrize(
    ("facts", "age", "state"),
    [
        ({}, 0, NodeState.READY),
        ({}, 30, NodeState.READY),
        ({}, 30.1, NodeState.UNAVAILABLE),
        ({}, -30, NodeState.READY),
        ({"is_manned": False}, 0, NodeState.UNAVAILABLE),
        ({"machine": None, "last_seen": None, "is_manned": False}, 0, NodeState.INSTALLED),
        ({"enabled": False}, 0, NodeState.DISABLED),
        ({"enabled": False}, 100, NodeState.DISABLED),
        ({"enabled": False, "machine": None, "last_seen": None}, 0, NodeState.DISABLED),
    ],
)
def test_the_state_of_a_node(facts, age, state):
    assert node(**facts).state(later(age), LOST_AFTER) is state


def test_a_node_that_was_never_seen_is_lost():
    assert node(last_seen=None).is_lost(NOW, LOST_AFTER)
    assert not node().is_lost(later(30), LOST_AFTER)
    assert node().is_lost(later(31), LOST_AFTER)


@pytest.mark.parametrize(
    ("facts", "age", "words"),
    [
        ({}, 0, ""),
        ({}, 45, "its dispatcher was last seen 45 s ago: it was killed, or cannot reach the database"),
        ({"is_manned": False}, 0, "no dispatcher works there; start one"),
        ({"machine": None, "last_seen": None, "is_manned": False}, 0, "no dispatcher has worked there yet; start one"),
        ({"enabled": False}, 45, "its owner disabled it"),
        ({"node_type": NodeType.CONTROL}, 0, "a node of type control never runs jobs"),
        ({"node_type": NodeType.CONTROL}, 45, "a node of type control never runs jobs; its dispatcher was last seen"),
        ({"node_type": NodeType.HOP, "machine": None, "last_seen": None}, 0, "a node of type hop never runs jobs"),
    ],
)
def test_why_a_node_takes_no_jobs_is_said_in_words(facts, age, words):
    found = node(**facts).explanation(later(age), LOST_AFTER)
    assert found.startswith(words) and bool(found) == bool(words)


@pytest.mark.parametrize("name", ["a", "web-1.example.com", "ein Knoten", "übung", "x" * 253])
def test_a_name_can_be_seen(name):
    assert named(name) == name


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a\nb", "a\0", "\x1b[31m", "\udc80", "x" * 254])
def test_what_cannot_be_seen_is_no_name(name):
    with pytest.raises(ValueError, match="the name of a node is 1 to 253 characters that can be seen"):
        named(name)
