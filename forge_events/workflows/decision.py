# SPDX-License-Identifier: Apache-2.0
"""Decide which nodes of a workflow run, which do not and why, and how the workflow ends.

- A node is decided when all that it comes after is decided and has ended; what has nothing before it runs.
- An edge is taken if its parent ran and ended so: *success* is successful, *failure* is failed, error or canceled,
  *always* is any of them. A parent that did not run takes no edge.
- With ``join: any`` one taken edge is enough, with ``join: all`` every edge has to be taken.
- A workflow is successful if each node that ran and was not successful has a failure or always child that ran.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from forge_events.jobs import FINAL, JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forge_events.workflows.flow import Condition, Flow, Node

__all__ = ["Decided", "State", "decide", "outcome"]

State = JobStatus | Literal["active", "not_run"]
"""Where a node is that is decided: it runs, has ended with a final status, or does not run."""


class Decided(NamedTuple):
    """What was decided of nodes.

    :param run: the nodes to launch.
    :param not_run: those that do not run, each with the reason.
    """

    run: list[str]
    not_run: dict[str, str]


def decide(flow: Flow, states: Mapping[str, State], *, is_canceled: bool = False) -> Decided:
    """Decide about all nodes that can be decided; those that do not run have others decided at once.

    :param states: of the nodes that were decided before.
    :param is_canceled: the workflow is; nothing new starts.
    """
    known, decided = dict(states), Decided([], {})
    for name in flow.ordered():
        node = flow.nodes[name]
        if name in known or any(not _is_settled(known.get(parent)) for parent in node.after):
            continue
        reason = "the workflow was canceled" if is_canceled else _obstacle(node, known)
        if reason:
            decided.not_run[name] = reason
        else:
            decided.run.append(name)
        known[name] = "not_run" if reason else "active"
    return decided


def outcome(flow: Flow, states: Mapping[str, State], *, is_canceled: bool = False) -> JobStatus | None:
    """Return how a workflow has ended; None while a node is not decided, or runs."""
    if any(not _is_settled(states.get(name)) for name in flow.nodes):
        return None
    if is_canceled:
        return JobStatus.CANCELED
    is_failed = any(_is_failure(state) and not _is_handled(flow, name, states) for name, state in states.items())
    return JobStatus.FAILED if is_failed else JobStatus.SUCCESSFUL


def _is_handled(flow: Flow, name: str, states: Mapping[str, State]) -> bool:
    """Return whether a child that waits for a failure ran; one that did not has handled nothing."""
    return any(
        condition != "success" and states[child] != "not_run" for child, condition in flow.children(name).items()
    )


def _is_settled(state: State | None) -> bool:
    return state is not None and state != "active"


def _is_failure(state: State) -> bool:
    return state in FINAL and state != JobStatus.SUCCESSFUL


def _is_taken(condition: Condition, state: State) -> bool:
    match condition:
        case "success":
            return state == JobStatus.SUCCESSFUL
        case "failure":
            return _is_failure(state)
    return state != "not_run"


def _obstacle(node: Node, states: Mapping[str, State]) -> str:
    """Say why a node does not run; empty if it does."""
    missing = {parent: need for parent, need in node.after.items() if not _is_taken(need, states[parent])}
    if not missing or (node.join == "any" and len(missing) < len(node.after)):
        return ""
    return ", and ".join(_missed(parent, need, states[parent]) for parent, need in missing.items())


def _missed(parent: str, need: Condition, state: State) -> str:
    return f"{parent} did not run" if state == "not_run" else f"{parent} is {state}, and {need} was needed"
