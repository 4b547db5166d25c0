# SPDX-License-Identifier: Apache-2.0
"""``nodes`` and ``node``: the machines that run jobs, on the command line."""

from __future__ import annotations

import datetime
import re

import pytest

from forge_events.cli import nodes
from forge_events.cli.sizes import size_of
from forge_events.nodes import Machine
from forge_events.store import open_store
from forge_events.store.records import Process


def store_of(cli):
    return open_store(cli.url or f"sqlite:///{cli.home}/events.db")


def sign_on(cli, node="a", age=-200.0, machine="m1", version="1.2", offset=None):
    """Have a dispatcher work on a node, last seen so many seconds ago, or as if it were in a while."""
    cli.settings["FORGE_EVENTS_NODE_LOST_AFTER"] = "250"  # the tests of a busy machine may take a while
    at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age)
    dispatcher = Process(0, node, machine, 4711, at, at)
    with store_of(cli) as store:
        return store.nodes.sign_on(
            dispatcher, Machine(cpu=4, memory=8 * 2**30, clock_offset=offset), version, lost_after=30
        )


def listed(cli, node="a"):
    return next(found for found in cli.good("nodes", "--json").json if found["hostname"] == node)


def test_without_nodes_it_is_said_how_to_make_one(anywhere):
    assert anywhere.good("nodes").text.startswith("there are no nodes yet; `forge-events dispatcher` makes")
    assert anywhere.good("nodes", "--json").json == []


def test_a_node_is_listed_with_all_that_counts(anywhere):
    sign_on(anywhere)
    headers, row = anywhere.good("nodes").lines
    assert headers.split() == [
        *("NAME", "TYPE", "STATE", "CAPACITY", "CONSUMED", "REMAINING", "JOBS", "HEARTBEAT", "VERSION", "CLOCK")
    ]
    words = row.split()
    assert words[:7] == ["a", "hybrid", "ready", "16", "0", "16", "0"]
    assert words[8:] == ["s", "ago", "1.2"]
    found = listed(anywhere)
    assert (found["state"], found["capacity"], found["remaining"], found["explanation"]) == ("ready", 16, 16, "")
    assert (found["cpu"], found["memory"], found["is_manned"]) == (4, 8 * 2**30, True)
    assert found["age"] == 0


def test_a_node_that_is_not_seen_is_explained(anywhere):
    sign_on(anywhere, age=3700)
    _, row, why = anywhere.good("nodes").lines
    assert row.split()[2] == "unavailable"
    assert re.search(r" 1 h \d min \d+ s ago  1.2$", row)
    words = r"its dispatcher was last seen \d+ s ago: it was killed, or cannot reach the database"
    assert re.fullmatch(f"a: {words}", why)
    assert re.fullmatch(words, listed(anywhere)["explanation"])


@pytest.mark.parametrize(
    ("offset", "shown", "words"),
    [
        (-0.01, "+0.0 s", []),
        (4.9, "+4.9 s", []),
        (-62.44, "-62.4 s", ["a: its clock is 1 min 2 s behind the database's"]),
        (3600.0, "+3600.0 s", ["a: its clock is 1 h 0 s ahead of the database's"]),
    ],
)
def test_how_the_clock_of_a_node_stands_is_shown(cli, offset, shown, words):
    sign_on(cli, offset=offset)
    _, row, *rest = cli.good("nodes").lines
    assert (row.endswith(f"1.2      {shown}"), rest) == (True, words)
    assert listed(cli)["clock_offset"] == offset


def test_when_a_node_counts_as_lost_is_a_setting(anywhere):
    sign_on(anywhere, age=1000)
    env = {"FORGE_EVENTS_NODE_LOST_AFTER": "100000"}
    assert anywhere.good("nodes", "--json", env=env).json[0]["state"] == "ready"
    assert listed(anywhere)["state"] == "unavailable"


def test_a_node_is_made_before_its_machine_comes(anywhere):
    assert anywhere.good("node", "register", "a").lines == ["node a: hybrid, enabled, capacity 0"]
    assert anywhere.good("node", "register", "hop-1", "--type", "hop").lines[0].startswith("node hop-1: hop, enabled")
    lines = anywhere.good("nodes").lines
    assert lines[1].split() == ["a", "hybrid", "installed", "0", "0", "0", "0", "never"]
    assert lines[3].startswith("a: no dispatcher has worked there yet; start one on that machine with")
    assert lines[4] == "hop-1: a node of type hop never runs jobs"


def test_a_name_is_taken_once(anywhere):
    anywhere.good("node", "register", "a")
    again = anywhere("node", "register", "a", "--type", "hop")
    assert (again.rc, again.complaint) == (4, "the node 'a' cannot be made: there is one already")
    assert listed(anywhere)["node_type"] == "hybrid"


def test_a_node_is_disabled_and_enabled(anywhere):
    sign_on(anywhere)
    assert anywhere.good("node", "disable", "a").lines == ["node a: hybrid, disabled, capacity 16"]
    assert (listed(anywhere)["state"], listed(anywhere)["enabled"]) == ("disabled", False)
    assert listed(anywhere)["explanation"].startswith("its owner disabled it")
    anywhere.good("node", "enable", "a")
    assert listed(anywhere)["state"] == "ready"


def test_an_owner_says_what_a_node_is_for(anywhere):
    sign_on(anywhere)
    assert anywhere.good("node", "set", "a", "--type", "control").lines == ["node a: control, enabled, capacity 0"]
    assert listed(anywhere)["explanation"] == "a node of type control never runs jobs"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1G", 10**9),
        ("1Gi", 2**30),
        ("1GiB", 2**30),
        ("1gib", 2**30),
        ("0.5 Gi", 2**29),
        ("1073741824", 2**30),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_a_size_is_read_as_people_write_it(text, size):
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1G", "1G free", "9" * 30, "9" * 400, "9223372036854775808", "1i", "Gi"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="is no size such as 500M"):
        size_of(text)


@pytest.mark.parametrize(
    ("parse", "text", "reason"),
    [
        *((nodes._share, text, "is no number from 0 to 1") for text in ("2", "-0.1", "nan", "none", "")),
        *((nodes._cores, text, "is no number of cores, nor none") for text in ("0", "-1", "inf", "nan", "four", "1e9")),
        (nodes._memory, "0", "is too little"),
    ],
)
def test_what_a_node_cannot_count_with_is_refused(parse, text, reason):
    with pytest.raises(ValueError, match=reason):
        parse(text)


def test_what_was_said_is_taken_back(anywhere):
    sign_on(anywhere)
    said = anywhere.good("node", "set", "a", "--cpu", "1.5", "--memory", "2Gi", "--capacity-adjustment", "1")
    assert said.lines == ["node a: hybrid, enabled, capacity 20, cpu 1.5, memory 2147483648, capacity adjustment 1"]
    back = anywhere.good("node", "set", "a", "--cpu", "none", "--memory", "none", "--capacity-adjustment", "0")
    assert back.lines == ["node a: hybrid, enabled, capacity 16"]
    assert (listed(anywhere)["absolute_cpu"], listed(anywhere)["absolute_memory"]) == (None, None)


def test_a_node_that_nobody_needs_is_removed(anywhere):
    anywhere.good("node", "register", "a")
    assert anywhere.good("node", "remove", "a").out == b""
    assert anywhere.good("nodes", "--json").json == []


def test_a_node_at_work_is_not_removed(anywhere):
    sign_on(anywhere)
    result = anywhere("node", "remove", "a")
    assert (result.rc, result.complaint) == (4, "the node 'a' cannot be removed: process 4711 works there")


@pytest.mark.parametrize(
    ("words", "rc", "complaint"),
    [
        (["node", "enable", "x"], 3, "there is no node 'x'"),
        (["node", "disable", "x"], 3, "there is no node 'x'"),
        (["node", "remove", "x"], 3, "there is no node 'x'"),
        (["node", "set", "x", "--cpu", "1"], 3, "there is no node 'x'"),
        (["node", "register", "a\nb"], 2, "Invalid value for NAME: the name of a node is"),
        (["node", "register", "b", "--type", "odd"], 2, "Invalid value for --type: 'odd' is none of hybrid, control"),
        (["node", "set", "a"], 2, "Invalid value for --type, --capacity-adjustment, --cpu or --memory: say what to"),
        (["node", "set", "a", "--capacity-adjustment", "2"], 2, "Invalid value for --capacity-adjustment: '2' is no"),
        (["node", "set", "a", "--cpu", "0"], 2, "Invalid value for --cpu: '0' is no number of cores, nor none"),
        (["node", "set", "a", "--memory", "much"], 2, "Invalid value for --memory: 'much' is no size such as 500M"),
        (["node", "set", "a", "--type", "odd"], 2, "Invalid value for --type: 'odd' is none of hybrid"),
    ],
)
def test_bad_input_is_one_clear_line_and_an_exit_code(cli, words, rc, complaint):
    result = cli(*words)
    assert (result.rc, result.out) == (rc, b"")
    assert result.complaint.startswith(complaint)


def test_a_name_of_any_kind_is_shown_without_harm(anywhere):
    anywhere.good("node", "register", "knötchen [red]x[/red]")
    assert anywhere.good("nodes").lines[1].startswith("knötchen [red]x[/red]  hybrid")
