# SPDX-License-Identifier: Apache-2.0
"""Workflows, each time one was launched, and what became of its nodes then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime

revision = "0013"
down_revision = "0012"

_STATUSES = "status IN ('canceled', 'failed', 'running', 'successful')"
_STATES = "state IN ('active', 'canceled', 'error', 'failed', 'not_run', 'successful')"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "main_workflow",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", Name, nullable=False, unique=True),
        sa.Column("flow", Json, nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("modified", UtcDateTime, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "main_workflowjob",
        sa.Column("id", Id, primary_key=True),
        sa.Column("workflow_id", sa.BigInteger, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("flow", Json, nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("status", Name, nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("finished", UtcDateTime),
        sa.Column("run_by", Name, nullable=False, server_default=""),
        sa.Column("canceled_by", Name),
        sa.CheckConstraint(_STATUSES, name="main_workflowjob_status"),
        sa.CheckConstraint("(status = 'running') = (finished IS NULL)", name="main_workflowjob_finished"),
        sqlite_autoincrement=True,
    )
    running = sa.text("status = 'running'")
    op.create_index(
        "main_workflowjob_running", "main_workflowjob", ["id"], sqlite_where=running, postgresql_where=running
    )
    op.create_table(
        "main_workflownode",
        sa.Column("workflowjob_id", Id, sa.ForeignKey("main_workflowjob.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", Name, primary_key=True),
        sa.Column("state", Name, nullable=False),
        sa.Column("attempt", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("job_id", sa.BigInteger),
        sa.Column("due", UtcDateTime),
        sa.Column("reason", AnyText, nullable=False, server_default=""),
        sa.Column("artifacts", Json, nullable=False),
        sa.Column("decided", UtcDateTime, nullable=False),
        sa.Column("ended", UtcDateTime),
        sa.CheckConstraint(_STATES, name="main_workflownode_state"),
        sqlite_with_rowid=False,
    )
