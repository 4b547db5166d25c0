# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_events.dispatcher.decision import Room, place, room_of
from forge_events.launches import Launch, impact_of
from forge_events.nodes import Machine, Node, NodeType, capacity_of

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
LOST_AFTER = 30.0
FOUR_CORES = Machine(cpu=4, memory=8 * 2**30)

rooms_of_nodes = st.lists(
    st.builds(
        Room,
        st.sampled_from("abcdef"),
        st.integers(0, 64),
        st.integers(0, 100),
        st.sampled_from(["", "", "", "is disabled"]),
    ),
    max_size=6,
    unique_by=lambda room: room.name,
).map(sorted)
impacts = st.integers(1, 80)
wishes = st.sampled_from(["", "", "a", "b", "x"])


def node(**facts):
    known = {"id": 1, "hostname": "a", "created": NOW, "machine": "m", "last_seen": NOW, "is_manned": True}
    return Node(**{**known, "cpu": FOUR_CORES.cpu, "memory": FOUR_CORES.memory, **facts})


def word(**facts):
    """Return what keeps a job from a node."""
    return room_of(node(**facts), NOW, lost_after=LOST_AFTER).trouble


def test_three_jobs_of_five_forks_leave_one_of_sixteen_and_the_next_waits():
    impact = impact_of(Launch.of(playbook="site.yml", forks=5), counts_hosts=False)
    room = Room("a", capacity_of(FOUR_CORES), 0)
    for left in (11, 6, 1):
        assert place(impact, "", [room]).node == "a"
        room = room.taking(impact)
        assert room.remaining == left
    assert place(impact, "", [room]) == (None, "needs 5 forks; node a has 1 of 16")
    assert place(1, "", [room]).node == "a"


def test_the_reason_says_what_was_left():
    assert place(5, "", [Room("a", 16, 5)]).reason == "a had 11 of 16 forks left for 5"


def test_a_job_goes_where_the_most_is_left_rather_than_where_it_fits_best():
    assert place(5, "", [Room("a", 16, 11), Room("b", 64, 44), Room("c", 16, 0)]).node == "b"


def test_of_equals_the_first_by_name_gets_it():
    assert place(5, "", [Room("a", 8, 0), Room("b", 16, 0), Room("c", 20, 4)]).node == "b"


def test_a_job_that_is_larger_than_all_nodes_goes_to_the_largest_that_is_idle():
    rooms = [Room("a", 16, 0), Room("b", 32, 1), Room("c", 24, 0), Room("d", 24, 0)]
    assert place(40, "", rooms) == ("c", "needs 40 forks, more than any node has left; c was idle")


def test_a_job_that_is_larger_than_all_nodes_waits_until_one_is_idle():
    assert place(40, "", [Room("a", 16, 1)]) == (None, "needs 40 forks; node a has 15 of 16")


def test_nothing_is_less_than_nothing():
    assert place(1, "", [Room("a", 16, 40)]).reason == "needs 1 fork; node a has 0 of 16"


def test_a_wanted_node_gets_it_although_more_is_left_elsewhere():
    assert place(5, "b", [Room("a", 64, 0), Room("b", 16, 11)]).node == "b"


def test_a_job_waits_for_its_wanted_node_and_only_that_is_told():
    assert place(5, "b", [Room("a", 64, 0), Room("b", 16, 12)]) == (None, "needs 5 forks; node b has 4 of 16")


def test_a_wanted_node_takes_a_larger_job_when_it_is_idle():
    assert place(40, "b", [Room("a", 64, 0), Room("b", 16, 0)]).node == "b"


def test_each_node_is_told():
    rooms = [Room("a", 16, 15), Room("b", 8, 4), Room("c", 16, 0, "is disabled")]
    assert place(5, "", rooms).reason == "needs 5 forks; node a has 1 of 16, node b has 4 of 8, node c is disabled"


@pytest.mark.parametrize(
    ("wanted", "rooms", "words"),
    [
        ("x", [Room("a", 16, 0)], "node x is not known"),
        ("", [], "there is no node that runs jobs"),
        ("", [Room("a", 0, 0)], "there is no node that runs jobs"),
        ("a", [Room("a", 16, 0, "is disabled")], "node a is disabled"),
    ],
)
def test_where_no_node_runs_jobs_that_is_told(wanted, rooms, words):
    assert place(5, wanted, rooms) == (None, f"needs 5 forks; {words}")


def test_a_node_that_is_there_has_room():
    assert room_of(node(consumed=5), NOW, lost_after=LOST_AFTER) == Room("a", 16, 5)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"enabled": False}, "is disabled"),
        ({"node_type": NodeType.HOP}, "is a hop node and runs no jobs"),
        ({"node_type": NodeType.CONTROL}, "is a control node and runs no jobs"),
        ({"node_type": NodeType.EXECUTION}, ""),
        ({"last_seen": None, "machine": None}, "has never been seen"),
        ({"is_manned": False}, "is unavailable, last seen at 2026-01-02 03:04:05 UTC"),
        (
            {"last_seen": NOW - datetime.timedelta(seconds=31)},
            "is unavailable, last seen at 2026-01-02 03:03:34 UTC",
        ),
        ({"last_seen": NOW - datetime.timedelta(seconds=30)}, ""),
        ({"enabled": False, "node_type": NodeType.HOP}, "is a hop node and runs no jobs"),
        ({"enabled": False, "is_manned": False}, "is disabled"),
    ],
)
def test_what_keeps_jobs_from_a_node_is_told(facts, words):
    assert word(**facts) == words


@given(impacts, wishes, rooms_of_nodes)
def test_no_node_is_given_more_than_it_can_take_unless_it_was_idle(impact, wanted, rooms):
    found = place(impact, wanted, rooms)
    if found.node is not None:
        room = next(room for room in rooms if room.name == found.node)
        assert not room.trouble and room.capacity > 0
        assert wanted in ("", room.name)
        assert room.consumed == 0 or room.consumed + impact <= room.capacity


@given(impacts, wishes, rooms_of_nodes)
def test_a_job_that_fits_somewhere_is_never_refused(impact, wanted, rooms):
    usable = [room for room in rooms if not room.trouble and room.capacity and wanted in ("", room.name)]
    fits = [room for room in usable if room.remaining >= impact]
    found = place(impact, wanted, rooms)
    assert (found.node is not None) == any(room.remaining >= impact or room.consumed == 0 for room in usable)
    if fits:
        assert found.node == min(fits, key=lambda room: (-room.remaining, room.name)).name


@given(st.lists(impacts, max_size=30), st.lists(st.integers(1, 64), min_size=1, max_size=4))
def test_job_after_job_never_takes_more_than_there_is(jobs, capacities):
    rooms = {name: Room(name, capacity, 0) for name, capacity in zip("abcd", capacities, strict=False)}
    placed = []
    for impact in jobs:
        name = place(impact, "", list(rooms.values())).node
        if name is not None:
            placed.append(name)
            rooms[name] = rooms[name].taking(impact)
    for room in rooms.values():
        assert room.consumed <= room.capacity or placed.count(room.name) == 1
