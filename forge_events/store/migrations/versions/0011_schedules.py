# SPDX-License-Identifier: Apache-2.0
"""Schedules, and what became of each time at which one was due."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "main_schedule",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", Name, nullable=False),
        sa.Column("description", AnyText, nullable=False, server_default=""),
        sa.Column("template_id", sa.BigInteger, nullable=False),
        sa.Column("rrule", AnyText, nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default="1"),
        sa.Column("grace", sa.Float, nullable=False),
        sa.Column("catch_up", Name, nullable=False),
        sa.Column("overlap", Name, nullable=False),
        sa.Column("jitter", sa.Float, nullable=False, server_default="0"),
        sa.Column("considered", UtcDateTime, nullable=False),
        sa.Column("next_run", UtcDateTime),
        sa.Column("explanation", AnyText, nullable=False, server_default=""),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("modified", UtcDateTime, nullable=False),
        sa.Column("created_by", Name, nullable=False, server_default=""),
        sa.CheckConstraint("catch_up IN ('all', 'latest', 'none')", name="main_schedule_catch_up"),
        sa.CheckConstraint("overlap IN ('queue', 'skip')", name="main_schedule_overlap"),
        sqlite_autoincrement=True,
    )
    op.create_index("main_schedule_name", "main_schedule", ["template_id", "name"], unique=True)
    enabled = sa.text("enabled")
    op.create_index("main_schedule_due", "main_schedule", ["next_run"], sqlite_where=enabled, postgresql_where=enabled)
    _make_occurrences()


def _make_occurrences() -> None:
    outcomes = "outcome IN ('launched', 'missed', 'refused', 'skipped')"
    op.create_table(
        "main_scheduleoccurrence",
        sa.Column("schedule_id", Id, sa.ForeignKey("main_schedule.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("local", Name, primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("outcome", Name, nullable=False),
        sa.Column("job_id", sa.BigInteger),
        sa.Column("reason", AnyText, nullable=False),
        sa.Column("decided", UtcDateTime, nullable=False),
        sa.CheckConstraint(outcomes, name="main_scheduleoccurrence_outcome"),
        sa.CheckConstraint("(outcome = 'launched') = (job_id IS NOT NULL)", name="main_scheduleoccurrence_job"),
        sqlite_with_rowid=False,
    )
    has_job = sa.text("job_id IS NOT NULL")
    op.create_index(
        "main_scheduleoccurrence_jobs", "main_scheduleoccurrence", ["schedule_id", "job_id"],
        sqlite_where=has_job, postgresql_where=has_job,
    )  # fmt: skip
    op.create_index("main_scheduleoccurrence_at", "main_scheduleoccurrence", ["schedule_id", "at"])
