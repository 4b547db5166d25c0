# SPDX-License-Identifier: Apache-2.0
"""Go on with launched workflows: what has ended is written down, and what comes next is launched, each node once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events import launching
from forge_events.errors import InvalidLaunch, UnknownTemplate
from forge_events.events import EventFilter
from forge_events.jobs import JobStatus
from forge_events.workflows.run import Ended, advance, fields_of, job_uuid, variables_of

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable

    from forge_events.store import Store
    from forge_events.store.records import Queued
    from forge_events.workflows.run import NodeRun, Run

__all__ = ["Advanced", "WorkflowRunner"]


class Advanced(NamedTuple):
    """What became of launched workflows: those that went on, as they are now."""

    runs: list[Run]


class WorkflowRunner:
    """Go on with launched workflows. Any number of runners may work on one database.

    Each workflow is a transaction of its own: what was decided about nodes is written down with the jobs that follow.

    :param counts_hosts: see :func:`forge_events.launches.impact_of`.
    """

    def __init__(self, store: Store, *, counts_hosts: bool = True) -> None:
        self._store, self._counts_hosts = store, counts_hosts

    def run_once(self, now: datetime.datetime) -> Advanced:
        """Go on with every workflow that can; nothing is written where none can.

        :raises StoreUnavailable: the database cannot be used; what was done before is stored.
        """
        found = [run_id for run_id in self._store.workflows.running() if self._go_on(run_id, now)]
        return Advanced([self._store.workflows.run(run_id) for run_id in found])

    def _go_on(self, run_id: int, now: datetime.datetime) -> bool:
        """Go on with a workflow until nothing comes of it at once; return whether something did."""
        has_changed = False
        while self._step(self._store.workflows.run(run_id), now):
            has_changed = True
        return has_changed

    def _step(self, run: Run, now: datetime.datetime) -> bool:
        ended = self._store.workflows.ended(run)
        plan = advance(run, {job_id: Ended(how, _set_by(self._store, job_id)) for job_id, how in ended.items()}, now)
        if not plan.nodes and plan.status is None:
            return False
        nodes, queued = dict(plan.nodes), {}
        after = dataclasses.replace(run, nodes={**run.nodes, **nodes})
        for name in plan.launch:
            try:
                queued[name] = self._queued(after, nodes[name], now)
            except (InvalidLaunch, UnknownTemplate) as error:  # what comes after it is for the next step
                nodes[name] = nodes[name].end(JobStatus.ERROR, now, str(error))
        is_over = plan.status if not plan.launch else None
        return self._store.workflows.advance(run, nodes, queued, is_over, now)

    def _queued(self, run: Run, node: NodeRun, now: datetime.datetime) -> Queued:
        template = self._store.templates.get(run.flow.nodes[node.name].template or "")
        fields = fields_of(run, node.name)
        given = fields.get("extra_vars", {})
        launched = template.launched(**fields)
        # Weakest first: the template's, what jobs before set, and what node and workflow give.
        untrusted = {**template.launch.untrusted_vars, **variables_of(run, node.name), **given}
        return launching.prepared(
            self._store,
            launched.changed(untrusted_vars=untrusted),
            now,
            template=template,
            counts_hosts=self._counts_hosts,
            uuid=job_uuid(run, node.name, node.attempt),
            launch_type="workflow",
            run_by=f"workflow {run.name}",
        )


def _set_by(store: Store, job_id: int) -> dict[str, Any]:
    stats: Iterable[Any] = store.last_events(job_id, EventFilter(event="playbook_on_stats"))
    found = next((event.event_data.get("artifact_data") for event in stats), None)
    return found if isinstance(found, dict) else {}
