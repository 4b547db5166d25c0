# SPDX-License-Identifier: Apache-2.0
"""The tables of workflows, of each time one was launched, and of what became of its nodes then."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Table, text

from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime
from forge_events.store.schedule_tables import metadata
from forge_events.store.schema import partial

__all__ = ["RUNNING", "metadata", "workflowjobs", "workflownodes", "workflows"]

RUNNING = text("status = 'running'")
"""The condition of a launched workflow that has not ended."""

workflows = Table(
    "main_workflow",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column("flow", Json, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("modified", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

# What runs is the flow as it was at the launch: one that is edited meanwhile is for the next one.
workflowjobs = Table(
    "main_workflowjob",
    metadata,
    Column("id", Id, primary_key=True),
    # No foreign key, as for jobs and their templates: it tells that its workflow is gone.
    Column("workflow_id", BigInteger, nullable=False),
    Column("name", Name, nullable=False),
    Column("flow", Json, nullable=False),
    Column("fields", Json, nullable=False),
    Column("status", Name, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("finished", UtcDateTime),
    Column("run_by", Name, nullable=False, server_default=""),
    Column("canceled_by", Name),
    CheckConstraint("status IN ('canceled', 'failed', 'running', 'successful')", name="main_workflowjob_status"),
    CheckConstraint("(status = 'running') = (finished IS NULL)", name="main_workflowjob_finished"),
    sqlite_autoincrement=True,
)
# Few workflows run, and nothing else is looked at to see what comes next.
partial("main_workflowjob_running", workflowjobs.c.id, where=RUNNING)

# A node that is not here is not decided yet.
workflownodes = Table(
    "main_workflownode",
    metadata,
    Column("workflowjob_id", ForeignKey("main_workflowjob.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Name, primary_key=True),
    Column("state", Name, nullable=False),
    Column("attempt", BigInteger, nullable=False, server_default="0"),
    Column("job_id", BigInteger),
    # When the next attempt is made, or a question is answered by itself.
    Column("due", UtcDateTime),
    Column("reason", AnyText, nullable=False, server_default=""),
    Column("artifacts", Json, nullable=False),
    Column("decided", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime),
    CheckConstraint(
        "state IN ('active', 'canceled', 'error', 'failed', 'not_run', 'successful')", name="main_workflownode_state"
    ),
    sqlite_with_rowid=False,
)
