# SPDX-License-Identifier: Apache-2.0
"""The workflows, and what becomes of each time one is launched: decided and queued in one transaction."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, insert, select, update

from forge_events.errors import NotWaiting, UnknownWorkflow
from forge_events.jobs import FINAL, JobStatus
from forge_events.store import names, queue
from forge_events.store.jobs import Step
from forge_events.store.schema import jobs as job_table
from forge_events.store.workflow_tables import RUNNING, workflowjobs, workflownodes, workflows
from forge_events.workflows.flow import Flow
from forge_events.workflows.run import NodeRun, Run

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping

    from sqlalchemy import Connection, Select

    from forge_events.store.database import Database
    from forge_events.store.records import Queued

__all__ = ["Workflow", "Workflows"]

_COLUMNS = [workflows.c[name] for name in ("id", "name", "flow", "created", "modified")]
_NODE = [workflownodes.c[field.name] for field in dataclasses.fields(NodeRun)]


class Workflow(NamedTuple):
    """A workflow that is stored."""

    id: int
    name: str
    flow: Flow
    created: datetime.datetime
    modified: datetime.datetime


class Workflows:
    """The workflows, and each time one was launched."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, flow: Flow, at: datetime.datetime) -> Workflow:
        """Add a workflow and return it.

        :raises NameTaken: there is one of its name.
        """
        values = {"name": names.whole(flow.name), "flow": flow.model_dump(), "created": at, "modified": at}
        with self._database.writing(is_durable=True) as connection, names.taken("workflow", flow.name):
            new = insert(workflows).values(values).returning(workflows.c.id)
            return _by_id(connection, connection.execute(new).scalar_one())

    def get(self, name: str) -> Workflow:
        """Return the workflow of a name, or of an id where none has such a name.

        :raises UnknownWorkflow: there is none.
        """
        with self._database.reading() as connection:
            return _find(connection, name)

    def all(self) -> list[Workflow]:
        """Return all workflows by name."""
        with self._database.reading() as connection:
            return _workflows(connection, select(*_COLUMNS).order_by(workflows.c.name))

    def replace(self, known: Workflow, flow: Flow, at: datetime.datetime) -> Workflow:
        """Store what has become of a workflow; what was launched goes on as it was.

        :raises NameTaken: another one has its name. UnknownWorkflow: it is gone.
        """
        values = {"name": names.whole(flow.name), "flow": flow.model_dump(), "modified": at}
        with self._database.writing(is_durable=True) as connection, names.taken("workflow", flow.name):
            if not connection.execute(update(workflows).where(workflows.c.id == known.id).values(values)).rowcount:
                raise UnknownWorkflow(known.name)
            return _by_id(connection, known.id)

    def delete(self, known: Workflow) -> None:
        """Delete a workflow; what was launched stays, and goes on."""
        with self._database.writing(is_durable=True) as connection:
            connection.execute(delete(workflows).where(workflows.c.id == known.id))

    def launch(
        self,
        workflow: Workflow,
        fields: Mapping[str, Any],
        at: datetime.datetime,
        by: str,
        *,
        carried: Mapping[str, NodeRun] | None = None,
    ) -> Run:
        """Launch a workflow.

        :param fields: of the launch, which nodes take by name.
        :param carried: nodes that count as decided: of an earlier launch, whose jobs need not run again.
        """
        values = {
            "workflow_id": workflow.id,
            "name": workflow.name,
            "flow": workflow.flow.model_dump(),
            "fields": dict(fields),
            "status": JobStatus.RUNNING,
            "created": at,
            "run_by": by,
        }
        with self._database.writing(is_durable=True) as connection:
            new = connection.execute(insert(workflowjobs).values(values).returning(workflowjobs.c.id)).scalar_one()
            for node in (carried or {}).values():
                _write(connection, new, node)
            self._database.notify(connection)
            return _run(connection, new)

    def run(self, run_id: int) -> Run:
        """Return a launched workflow.

        :raises UnknownWorkflow: there is none.
        """
        with self._database.reading() as connection:
            return _run(connection, run_id)

    def runs(self, workflow_id: int | None = None, *, limit: int = 50) -> list[Run]:
        """Return launched workflows, newest first: of one, or of all."""
        wanted = select(workflowjobs.c.id).order_by(workflowjobs.c.id.desc()).limit(limit)
        if workflow_id is not None:
            wanted = wanted.where(workflowjobs.c.workflow_id == workflow_id)
        with self._database.reading() as connection:
            return [_run(connection, run_id) for run_id in connection.scalars(wanted).all()]

    def running(self) -> list[int]:
        """Return the ids of the launched workflows that have not ended, oldest first."""
        with self._database.reading() as connection:
            return list(connection.scalars(select(workflowjobs.c.id).where(RUNNING).order_by(workflowjobs.c.id)))

    def next_due(self) -> datetime.datetime | None:
        """Return when the next attempt is made, or the next question answers itself."""
        due = workflownodes.c.due
        waiting = select(due).join(workflowjobs).where(RUNNING, workflownodes.c.state == "active", due.is_not(None))
        with self._database.reading() as connection:
            found: datetime.datetime | None = connection.scalar(waiting.order_by(due).limit(1))
        return found

    def ended(self, run: Run) -> dict[int, JobStatus]:
        """Return how the jobs of a launched workflow's active nodes ended, for those that have."""
        ids = [node.job_id for node in run.nodes.values() if node.state == "active" and node.job_id is not None]
        wanted = select(job_table.c.id, job_table.c.status).where(job_table.c.id.in_(ids))
        with self._database.reading() as connection:
            found = {row.id: JobStatus(row.status) for row in connection.execute(wanted)} if ids else {}
        # One that is gone was dropped, and nobody knows any more how it ended.
        return {job_id: status for job_id in ids if (status := found.get(job_id, JobStatus.ERROR)) in FINAL}

    def advance(
        self,
        run: Run,
        nodes: Mapping[str, NodeRun],
        queued: Mapping[str, Queued],
        status: JobStatus | None,
        at: datetime.datetime,
    ) -> bool:
        """Write down what was decided about a launched workflow and queue the jobs that follow: both, or nothing.

        :param run: as it was when that was decided; when it has changed since, nothing is done and False is returned.
        :param nodes: those that have changed; those in ``queued`` get the job that is queued.
        :param status: how it has ended, if it has.
        """
        with self._database.writing(is_durable=True) as connection:
            mine = select(workflowjobs.c.id).where(workflowjobs.c.id == run.id, RUNNING)
            if connection.scalar(mine.with_for_update()) is None or _run(connection, run.id) != run:
                return False
            for name, node in nodes.items():
                _write(connection, run.id, self._with_job(connection, node, queued.get(name), at))
            if status is not None:
                ended = update(workflowjobs).where(workflowjobs.c.id == run.id).values(status=status, finished=at)
                connection.execute(ended)
            return True

    def _with_job(self, connection: Connection, node: NodeRun, queued: Queued | None, at: datetime.datetime) -> NodeRun:
        if queued is None:
            return node
        step = Step(at, queued.job.run_by or "")
        job = queue.add(self._database, connection, queued.job, queued.launch, queue=queued.queue, step=step)
        return dataclasses.replace(node, job_id=job.id)

    def cancel(self, run: Run, by: str) -> None:
        """Ask that nothing of a launched workflow starts any more; its jobs are for whoever asks to cancel."""
        with self._database.writing(is_durable=True) as connection:
            mine = (workflowjobs.c.id == run.id) & workflowjobs.c.canceled_by.is_(None)
            connection.execute(update(workflowjobs).where(mine, RUNNING).values(canceled_by=by))
            self._database.notify(connection)

    def answer(self, run: Run, name: str, status: JobStatus, at: datetime.datetime, by: str) -> None:
        """Answer a question that a launched workflow waits for.

        :raises NotWaiting: nobody asks it any more, or not yet.
        """
        mine = (workflownodes.c.workflowjob_id == run.id) & (workflownodes.c.name == name)
        still = (workflownodes.c.state == "active") & workflownodes.c.job_id.is_(None)
        still &= workflownodes.c.due.is_(None) | (workflownodes.c.due > at)
        word = "approved" if status is JobStatus.SUCCESSFUL else "denied"
        values = {"state": status, "ended": at, "due": None, "reason": f"{word} by {by}"}
        with self._database.writing(is_durable=True) as connection:
            if not connection.execute(update(workflownodes).where(mine, still).values(values)).rowcount:
                raise NotWaiting(run.id, name)
            self._database.notify(connection)


def _write(connection: Connection, run_id: int, node: NodeRun) -> None:
    mine = (workflownodes.c.workflowjob_id == run_id) & (workflownodes.c.name == node.name)
    connection.execute(delete(workflownodes).where(mine))
    connection.execute(insert(workflownodes).values(workflowjob_id=run_id, **dataclasses.asdict(node)))


def _find(connection: Connection, name: str) -> Workflow:
    asked = (_workflows(connection, select(*_COLUMNS).where(where)) for where in names.meanings(workflows, name))
    found = next((each for each in asked if each), [])
    if not found:
        raise UnknownWorkflow(name)
    return found[0]


def _by_id(connection: Connection, workflow_id: int) -> Workflow:
    return _workflows(connection, select(*_COLUMNS).where(workflows.c.id == workflow_id))[0]


def _workflows(connection: Connection, wanted: Select[Any]) -> list[Workflow]:
    rows = connection.execute(wanted).mappings()
    return [Workflow(**{**row, "flow": Flow.model_validate(row["flow"])}) for row in rows]


def _run(connection: Connection, run_id: int) -> Run:
    row = connection.execute(select(workflowjobs).where(workflowjobs.c.id == run_id)).mappings().first()
    if row is None:
        raise UnknownWorkflow(str(run_id))
    found = connection.execute(select(*_NODE).where(workflownodes.c.workflowjob_id == run_id)).mappings()
    nodes = {node["name"]: NodeRun(**node) for node in found}
    known = {**row, "flow": Flow.model_validate(row["flow"]), "status": JobStatus(row["status"])}
    return Run(**known, nodes=nodes)
