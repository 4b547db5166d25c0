# SPDX-License-Identifier: Apache-2.0
"""Which nodes of a workflow run, for any graph and however its nodes end."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_events.jobs import JobStatus
from forge_events.workflows import Flow
from forge_events.workflows.decision import State, decide, outcome
from forge_events.workflows.rehearsal import rehearse

ENDS = ("successful", "failed", "error", "canceled")


def flow(**nodes):
    """Return a workflow; a node is what it comes after."""
    made = {name: node if "after" in node else {"after": node} for name, node in nodes.items()}
    return Flow.of(name="w", nodes={name: {"template": "t", **node} for name, node in made.items()})


def states_of(found):
    return {step.node: step.state for step in found.steps}


def test_a_node_does_not_run_without_what_it_needs_and_says_why():
    # AWX runs neither of these two to an end: the first waits for ever, the second runs.
    found = rehearse(flow(a={}, b={"after": {"a": "success"}, "join": "all"}), {"a": "canceled"})
    assert found.status == "failed"
    assert found.steps[1] == ("b", "not_run", "a is canceled, and success was needed")
    both = flow(a={}, b={}, c={"after": {"a": "success", "b": "success"}, "join": "all"}, d={"c": "always"})
    found = rehearse(both, {"b": "error"})
    assert [step.reason for step in found.steps[2:]] == ["b is error, and success was needed", "c did not run"]


def test_a_failure_is_handled_by_a_node_that_ran_and_by_no_other():
    handled = flow(a={}, b={"a": "failure"})
    assert rehearse(handled, {"a": "failed"}).status == "successful"
    assert states_of(rehearse(handled, {})) == {"a": "successful", "b": "not_run"}
    # Its handler needs another node as well, which did not run.
    idle = flow(a={}, b={"a": "success"}, c={"after": {"a": "failure", "b": "success"}, "join": "all"})
    assert rehearse(idle, {"a": "failed"}).status == "failed"


def test_one_taken_edge_is_enough_unless_all_are_asked_for():
    edges = {"a": "success", "b": "success"}
    for join, state in (("any", "successful"), ("all", "not_run")):
        found = rehearse(flow(a={}, b={}, c={"after": edges, "join": join}), {"a": "failed"})
        assert states_of(found)["c"] == state


def test_nothing_new_starts_in_a_canceled_workflow():
    chain = flow(a={}, b={"a": "always"})
    decided = decide(chain, {"a": "active"}, is_canceled=True)
    assert (decided.run, decided.not_run) == ([], {})
    decided = decide(chain, {"a": JobStatus.CANCELED}, is_canceled=True)
    assert (decided.run, decided.not_run) == ([], {"b": "the workflow was canceled"})
    states: dict[str, State] = {"a": JobStatus.CANCELED, "b": "not_run"}
    assert outcome(chain, states, is_canceled=True) is JobStatus.CANCELED


def random_flow(chance):
    nodes: dict[str, Any] = {}
    for number in range(chance.randint(1, 12)):
        parents = chance.sample(sorted(nodes), min(len(nodes), chance.choice((0, 1, 1, 2, 3))))
        after = {parent: chance.choice(("success", "failure", "always")) for parent in parents}
        nodes[f"n{number:02}"] = {"after": after, "join": chance.choice(("any", "all"))}
    # In whatever order they are written.
    names = sorted(nodes, key=lambda _: chance.random())
    return flow(**{name: nodes[name] for name in names})


def expected(of, ends):
    """Return the states by another way: recursion from each node up, and edges as sets of ends."""
    taken = {"success": {"successful"}, "failure": set(ENDS[1:]), "always": set(ENDS)}

    def state(name):
        node = of.nodes[name]
        edges = [state(parent) in taken[need] for parent, need in node.after.items()]
        runs = not edges or (all(edges) if node.join == "all" else any(edges))
        return ends[name] if runs else "not_run"

    return {name: state(name) for name in of.nodes}


@settings(max_examples=3000, deadline=None)
@given(st.integers(0, 2**48))
def test_each_node_is_decided_once_and_the_workflow_ends_in_whatever_order(seed):
    chance = random.Random(seed)  # noqa: S311 - hypothesis chooses the seed
    of = random_flow(chance)
    ends = {name: chance.choice(ENDS) for name in of.nodes}
    states: dict[str, Any] = {}
    active: list[str] = []
    rounds = 0
    while (status := outcome(of, states)) is None:
        decided = decide(of, states)
        named = [*decided.run, *decided.not_run]
        assert len(named) == len({*named} - states.keys())
        for name in named:
            # Parents are settled, be it in the same decision.
            assert all(states.get(p, decided.not_run.get(p)) not in (None, "active") for p in of.nodes[name].after)
        states |= dict.fromkeys(decided.run, "active") | dict.fromkeys(decided.not_run, "not_run")
        active += decided.run
        assert decide(of, states) == ([], {})
        for name in chance.sample(active, chance.randint(1, len(active)) if active else 0):
            active.remove(name)
            states[name] = JobStatus(ends[name])
        rounds += 1
        assert rounds <= 2 * len(of.nodes) + 1
    assert states == expected(of, ends)
    found = rehearse(of, ends)
    assert (states_of(found), found.status) == (states, status)
    # How a node failed makes no difference to the others.
    alike = {name: end if end == "successful" else "error" for name, end in ends.items()}
    again = rehearse(of, alike)
    assert again.status == found.status
    assert [name for name, state in states_of(again).items() if state == "not_run"] == [
        name for name, state in states_of(found).items() if state == "not_run"
    ]


@pytest.mark.parametrize("count", [500])
def test_a_long_chain_is_decided_at_once(count):
    nodes = {f"n{number}": {f"n{number - 1}": "success"} if number else {} for number in range(count)}
    found = rehearse(flow(**nodes), {"n0": "failed"})
    assert [step.state for step in found.steps] == ["failed", *["not_run"] * (count - 1)]
