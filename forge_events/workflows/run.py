# SPDX-License-Identifier: Apache-2.0
"""One time that a workflow was launched, and what is to be done about it next."""

from __future__ import annotations

import dataclasses
import datetime
import json
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.jobs import JobStatus
from forge_events.workflows.decision import State, decide, outcome
from forge_events.workflows.flow import OF_WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forge_events.workflows.flow import Flow, Node

__all__ = ["Ended", "NodeRun", "Plan", "Run", "advance", "fields_of", "job_uuid", "variables_of"]

_MAX_ARTIFACTS = 2**20


@dataclasses.dataclass(frozen=True)
class NodeRun:
    """What became of a node that was decided.

    :param attempt: counts from 0.
    :param job_id: the job of the last attempt; None of a question, of what does not run, and until the next attempt.
    :param due: when the next attempt is made, or a question is answered by itself.
    :param artifacts: what its job set by ``set_stats``.
    """

    name: str
    state: State
    decided: datetime.datetime
    attempt: int = 0
    job_id: int | None = None
    due: datetime.datetime | None = None
    reason: str = ""
    artifacts: dict[str, Any] = dataclasses.field(default_factory=dict)
    ended: datetime.datetime | None = None

    def end(self, state: State, at: datetime.datetime, reason: str = "") -> NodeRun:
        """Return it ended."""
        return dataclasses.replace(self, state=state, ended=at, due=None, reason=reason or self.reason)


@dataclasses.dataclass(frozen=True)
class Run:
    """A workflow that was launched.

    :param flow: as it was then.
    :param fields: of the launch, which nodes take by name.
    :param status: ``running`` until it has ended.
    :param nodes: those that are decided, by name.
    """

    id: int
    workflow_id: int
    name: str
    flow: Flow
    fields: dict[str, Any]
    status: JobStatus
    created: datetime.datetime
    finished: datetime.datetime | None
    run_by: str
    canceled_by: str | None
    nodes: Mapping[str, NodeRun]

    @property
    def states(self) -> dict[str, State]:
        """Where the nodes are that are decided."""
        return {name: node.state for name, node in self.nodes.items()}


class Ended(NamedTuple):
    """How the job of a node ended, and what it set by ``set_stats``."""

    status: JobStatus
    artifacts: dict[str, Any]


class Plan(NamedTuple):
    """What is to be done: nodes as they are from now on, those among them to launch, and the end if it has come."""

    nodes: dict[str, NodeRun]
    launch: list[str]
    status: JobStatus | None


def advance(run: Run, ended: Mapping[int, Ended], now: datetime.datetime) -> Plan:
    """Return what is to be done about a workflow now. Doing it twice is doing it once.

    :param ended: how those jobs of its nodes ended that have, by their ids.
    """
    changed: dict[str, NodeRun] = {}
    launch: list[str] = []
    is_canceled = run.canceled_by is not None
    for name, known in run.nodes.items():
        node = _settled(run.flow.nodes[name], known, ended, now, is_canceled=is_canceled)
        if node.state == "active" and node.due is not None and node.due <= now and _is_job(run.flow.nodes[name]):
            node = dataclasses.replace(node, due=None, attempt=node.attempt + 1, job_id=None)
            launch.append(name)
        if node != known:
            changed[name] = node
    states = run.states | {name: node.state for name, node in changed.items()}
    found = decide(run.flow, states, is_canceled=is_canceled)
    changed |= {name: NodeRun(name, "not_run", now, reason=reason, ended=now) for name, reason in found.not_run.items()}
    for name in found.run:
        changed[name] = _begun(run.flow.nodes[name], name, now)
        if _is_job(run.flow.nodes[name]):
            launch.append(name)
    states |= {name: node.state for name, node in changed.items()}
    return Plan(changed, launch, outcome(run.flow, states, is_canceled=is_canceled))


def job_uuid(run: Run, name: str, attempt: int) -> str:
    """Return the uuid of the job of a node: of several that launch it one does."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"forge-events:workflow:{run.id}:{name}:{attempt}"))


def fields_of(run: Run, name: str) -> dict[str, Any]:
    """Return the fields of a node's launch, with those that it takes from the workflow's.

    Variables that both give are the workflow's.
    """
    node = run.flow.nodes[name]
    found = {field: run.fields.get(field) if value == OF_WORKFLOW else value for field, value in node.launch.items()}
    return {field: value for field, value in found.items() if value is not None}


def variables_of(run: Run, name: str) -> dict[str, Any]:
    """Return what the jobs above a node set: those that are nearer win, and of those as near, what ended later."""
    above: set[str] = set()
    reached = list(run.flow.nodes[name].after)
    while reached:
        parent = reached.pop()
        if parent not in above:
            above.add(parent)
            reached += run.flow.nodes[parent].after
    order = run.flow.ordered()
    nodes = [run.nodes[parent] for parent in above if parent in run.nodes]
    nodes.sort(key=lambda node: (order.index(node.name), node.ended or node.decided))
    found: dict[str, Any] = {}
    for node in nodes:
        found |= node.artifacts
    return found


def _is_job(node: Node) -> bool:
    return node.template is not None


def _begun(node: Node, name: str, now: datetime.datetime) -> NodeRun:
    due = None if node.timeout is None else now + datetime.timedelta(seconds=node.timeout)
    return NodeRun(name, "active", now, due=due)


def _settled(
    node: Node, known: NodeRun, ended: Mapping[int, Ended], now: datetime.datetime, *, is_canceled: bool
) -> NodeRun:
    """Return a node ended where it has, or with the time of its next attempt."""
    if known.state != "active":
        return known
    if node.approval is not None:
        return _answered(node, known, now, is_canceled=is_canceled)
    if known.job_id is None:  # it waits for its next attempt
        return known.end(JobStatus.CANCELED, now, "the workflow was canceled") if is_canceled else known
    end = ended.get(known.job_id)
    return known if end is None else _after(node, known, end, now, is_canceled=is_canceled)


def _after(node: Node, known: NodeRun, end: Ended, now: datetime.datetime, *, is_canceled: bool) -> NodeRun:
    """Return a node whose job has ended: ended itself, or with the time of its next attempt."""
    if len(json.dumps(end.artifacts, default=str)) > _MAX_ARTIFACTS:
        return known.end(JobStatus.FAILED, now, "what it set by set_stats takes more than 1 MiB")
    is_tried_again = end.status not in (JobStatus.SUCCESSFUL, JobStatus.CANCELED) and known.attempt < node.retries
    if is_tried_again and not is_canceled:
        return dataclasses.replace(known, due=known.due or now + datetime.timedelta(seconds=node.delay))
    return dataclasses.replace(known.end(end.status, now), artifacts=end.artifacts)


def _answered(node: Node, known: NodeRun, now: datetime.datetime, *, is_canceled: bool) -> NodeRun:
    if is_canceled:
        return known.end(JobStatus.CANCELED, now, "the workflow was canceled")
    if known.due is not None and known.due <= now:
        is_approved = node.on_timeout == "approve"
        answer = JobStatus.SUCCESSFUL if is_approved else JobStatus.FAILED
        return known.end(answer, now, f"{'approved' if is_approved else 'denied'}: nobody answered in time")
    return known
