# SPDX-License-Identifier: Apache-2.0
"""Go through a workflow without running anything: what would run if some nodes ended in a certain way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forge_events.errors import InvalidLaunch
from forge_events.jobs import FINAL, JobStatus
from forge_events.workflows.decision import decide, outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forge_events.workflows.decision import State
    from forge_events.workflows.flow import Flow

__all__ = ["Rehearsal", "Step", "rehearse"]


class Step(NamedTuple):
    """What would become of a node.

    :param state: how it ends, or ``not_run``.
    :param reason: why it does not run.
    """

    node: str
    state: str
    reason: str = ""


class Rehearsal(NamedTuple):
    """What would become of a workflow: its nodes in the order in which they are decided, and its end."""

    steps: list[Step]
    status: JobStatus


def rehearse(flow: Flow, ends: Mapping[str, str]) -> Rehearsal:
    """Return what would become of a workflow.

    :param ends: how nodes end; those that are not named are successful.
    :raises InvalidLaunch: there is no such node, or no such end.
    """
    for name, end in ends.items():
        if name not in flow.nodes:
            raise InvalidLaunch(name, f"the workflow {flow.name!r} has no such node")
        if end not in FINAL:
            raise InvalidLaunch(name, f"it ends as one of {', '.join(sorted(FINAL))}")
    states: dict[str, State] = {}
    steps: list[Step] = []
    while (status := outcome(flow, states)) is None:
        decided = decide(flow, states)
        for name, reason in decided.not_run.items():
            states[name] = "not_run"
            steps.append(Step(name, "not_run", reason))
        for name in decided.run:
            states[name] = JobStatus(ends.get(name, JobStatus.SUCCESSFUL))
            steps.append(Step(name, states[name]))
    return Rehearsal(steps, status)
