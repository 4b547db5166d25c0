# SPDX-License-Identifier: Apache-2.0
"""Launch workflows, and what may be done about one that was launched. The dispatchers go on with it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from forge_events import launching
from forge_events.errors import FieldNotAsked, InvalidLaunch
from forge_events.jobs import JobStatus
from forge_events.launches import Launch
from forge_events.user import login_user

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forge_events.store import Store
    from forge_events.store.workflows import Workflow
    from forge_events.workflows.run import NodeRun, Run

__all__ = ["answer", "cancel", "check", "launch", "relaunch_from_failed", "wait"]

_PAUSE = 0.5


def check(store: Store, workflow: Workflow) -> None:
    """Refuse a workflow whose job templates are not there, or do not let be set what its nodes set.

    :raises InvalidLaunch: which node that is, and why.
    """
    workflow.flow.check({template.name: template for template in store.templates.all()})


def launch(store: Store, workflow: Workflow, *, by: str = "", **fields: Any) -> Run:
    """Launch a workflow and return it; a dispatcher goes on with it.

    :param fields: fields of the launch that the workflow asks for; nodes take them by name.
    :raises FieldNotAsked: it does not ask for one. InvalidLaunch: a value, or a node by now, cannot be.
    """
    for name in fields:
        if name not in workflow.flow.ask:
            raise FieldNotAsked(workflow.name, name)
    Launch.of(playbook="any", **fields)  # a value that cannot be is told of now, and not when its node is launched
    check(store, workflow)
    return store.workflows.launch(workflow, fields, store.now(), by or login_user(os.environ))


def relaunch_from_failed(store: Store, run: Run, *, by: str = "") -> Run:
    """Launch a workflow again, as it is now, without what was successful and comes after nothing that was not.

    :raises InvalidLaunch: it has not ended, or ended well; or as :func:`launch`.
    """
    if run.status in (JobStatus.RUNNING, JobStatus.SUCCESSFUL):
        raise InvalidLaunch("the workflow job", f"it is {run.status}")
    workflow = store.workflows.get(run.name)
    check(store, workflow)
    carried = _carried(run, workflow)
    return store.workflows.launch(workflow, run.fields, store.now(), by or login_user(os.environ), carried=carried)


def cancel(store: Store, run: Run, *, by: str = "") -> Run:
    """Cancel a launched workflow: nothing of it starts any more, and its jobs are canceled."""
    by = by or login_user(os.environ)
    store.workflows.cancel(run, by)
    for node in store.workflows.run(run.id).nodes.values():
        if node.state == "active" and node.job_id is not None:
            launching.cancel(store, store.job(str(node.job_id)), by=by)
    return store.workflows.run(run.id)


def answer(store: Store, run: Run, node: str, *, is_approved: bool, by: str = "") -> None:
    """Answer a question of a launched workflow.

    :raises NotWaiting: nobody asks it any more, or not yet.
    """
    status = JobStatus.SUCCESSFUL if is_approved else JobStatus.FAILED
    store.workflows.answer(run, node, status, store.now(), by or login_user(os.environ))


def wait(
    store: Store,
    run: Run,
    *,
    timeout: float | None = None,
    refresh: Callable[[], object] = lambda: None,
    pause: Callable[[], object] = lambda: time.sleep(_PAUSE),
) -> Run:
    """Wait until a launched workflow has ended, and return it.

    :param timeout: seconds to wait at most, about; None waits for ever.
    :param refresh: called before each look, ``pause`` between two.
    :raises NotInTime: it has not ended in that time; it goes on.
    """
    return launching.wait_for(lambda: store.workflows.run(run.id), timeout=timeout, refresh=refresh, pause=pause)


def _carried(run: Run, workflow: Workflow) -> Mapping[str, NodeRun]:
    """Return the nodes that need not run again: those that were successful, and so was all that they come after."""
    found: dict[str, NodeRun] = {}
    for name in workflow.flow.ordered():
        node, known = workflow.flow.nodes[name], run.nodes.get(name)
        is_same = run.flow.nodes.get(name) == node
        if known is not None and is_same and known.state == JobStatus.SUCCESSFUL and set(node.after) <= found.keys():
            found[name] = known
    return found
