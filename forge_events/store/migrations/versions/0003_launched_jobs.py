# SPDX-License-Identifier: Apache-2.0
"""Jobs that are launched: what to run, templates, nodes, dispatchers, dependencies and notifications."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime

revision = "0003"
down_revision = "0002"

_PENDING = "status = 'pending' AND blocker_count = 0"
_ACTIVE = "status IN ('running', 'waiting')"
_ENDS = "new IN ('canceled', 'error', 'failed', 'successful')"
_UNSENT = "status IN ('pending', 'sending')"


def upgrade() -> None:
    """Give jobs what only launched ones have, and make the tables around them."""
    for column in _columns():
        op.add_column("main_job", column)
    _index("main_job_pending", "main_job", ["wanted_node", "queue", "id"], _PENDING)
    _index("main_job_active", "main_job", ["execution_node", "id"], _ACTIVE)
    _index("main_job_one_of_template", "main_job", ["queue"], f"queue > 0 AND {_ACTIVE}", unique=True)
    _index("main_jobtransition_end", "main_jobtransition", ["job_id"], _ENDS, unique=True)
    _make_dependencies()
    _make_nodes()
    _make_dispatchers()
    _make_templates()
    _make_notifications()


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("job_template_id", sa.BigInteger),
        sa.Column("queue", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("wanted_node", Name, nullable=False, server_default=""),
        sa.Column("launch", Json),
        sa.Column("impact", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("blocker_count", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("execution_node", Name),
        sa.Column("dispatcher_id", sa.BigInteger),
        sa.Column("runner_pid", sa.BigInteger),
        sa.Column("runner_started", UtcDateTime),
        sa.Column("cancel_requested", UtcDateTime),
        sa.Column("cancel_by", Name),
    ]


def _make_dependencies() -> None:
    op.create_table(
        "main_jobdependency",
        sa.Column("job_id", Id, sa.ForeignKey("main_job.id"), primary_key=True),
        sa.Column("blocker_id", Id, sa.ForeignKey("main_job.id"), primary_key=True),
        sa.CheckConstraint("blocker_id < job_id", name="main_jobdependency_order"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_main_jobdependency_blocker_id", "main_jobdependency", ["blocker_id"])


def _make_nodes() -> None:
    op.create_table(
        "main_instance",
        sa.Column("id", Id, primary_key=True),
        sa.Column("hostname", Name, nullable=False, unique=True),
        sa.Column("node_type", Name, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default="1"),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("machine", Name),
        sa.Column("last_seen", UtcDateTime),
        sa.Column("version", Name),
        sa.Column("cpu", sa.Float),
        sa.Column("memory", sa.BigInteger),
        sa.Column("capacity_adjustment", sa.Float, nullable=False, server_default="0"),
        sa.Column("absolute_cpu", sa.Float),
        sa.Column("absolute_memory", sa.BigInteger),
        sa.CheckConstraint("node_type IN ('control', 'execution', 'hop', 'hybrid')", name="main_instance_type"),
        sa.CheckConstraint("capacity_adjustment >= 0 AND capacity_adjustment <= 1", name="main_instance_adjustment"),
        sa.CheckConstraint("(machine IS NULL) = (last_seen IS NULL)", name="main_instance_seen"),
        sqlite_autoincrement=True,
    )


def _make_dispatchers() -> None:
    op.create_table(
        "main_dispatcher",
        sa.Column("id", Id, primary_key=True),
        sa.Column("node", Name, nullable=False),
        sa.Column("machine", Name, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("process_started", UtcDateTime, nullable=False),
        sa.Column("last_seen", UtcDateTime, nullable=False),
        sa.Column("only_job_id", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_main_dispatcher_node", "main_dispatcher", ["node"])


def _make_templates() -> None:
    op.create_table(
        "main_jobtemplate",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", Name, nullable=False, unique=True),
        sa.Column("description", AnyText, nullable=False, server_default=""),
        sa.Column("launch", Json, nullable=False),
        sa.Column("ask", Json, nullable=False),
        sa.Column("allow_simultaneous", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("notifications", Json, nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("modified", UtcDateTime, nullable=False),
        sqlite_autoincrement=True,
    )


def _make_notifications() -> None:
    op.create_table(
        "main_jobnotification",
        sa.Column("id", Id, primary_key=True),
        sa.Column("job_id", Id, sa.ForeignKey("main_job.id"), nullable=False),
        sa.Column("event", Name, nullable=False),
        sa.Column("url", AnyText, nullable=False),
        sa.Column("message", AnyText),
        sa.Column("status", Name, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("due", UtcDateTime, nullable=False),
        sa.Column("sent", UtcDateTime),
        sa.Column("error", AnyText, nullable=False, server_default=""),
        sa.CheckConstraint("event IN ('failure', 'started', 'success')", name="main_jobnotification_event"),
        sa.CheckConstraint("status IN ('failed', 'pending', 'sending', 'sent')", name="main_jobnotification_status"),
        sa.CheckConstraint("(status = 'sent') = (sent IS NOT NULL)", name="main_jobnotification_sent"),
        sqlite_autoincrement=True,
    )
    columns = ["job_id", "event", "url"]
    op.create_index("main_jobnotification_once", "main_jobnotification", columns, unique=True)
    _index("main_jobnotification_due", "main_jobnotification", ["due"], _UNSENT)


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
