# SPDX-License-Identifier: Apache-2.0
"""The tables of schedules, and of what became of each time at which one was due."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Float, ForeignKey, Index, Table, text

from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime
from forge_events.store.schema import partial
from forge_events.store.served import metadata

__all__ = ["ENABLED", "HAS_JOB", "metadata", "occurrences", "schedules"]

ENABLED = text("enabled")
"""The condition of a schedule that launches."""

HAS_JOB = text("job_id IS NOT NULL")
"""The condition of an occurrence that was launched."""

schedules = Table(
    "main_schedule",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Name, nullable=False),
    Column("description", AnyText, nullable=False, server_default=""),
    # No foreign key, as for jobs: a schedule tells that its template is gone.
    Column("template_id", BigInteger, nullable=False),
    Column("rrule", AnyText, nullable=False),
    Column("fields", Json, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default="1"),
    Column("grace", Float, nullable=False),
    Column("catch_up", Name, nullable=False),
    Column("overlap", Name, nullable=False),
    Column("jitter", Float, nullable=False, server_default="0"),
    Column("considered", UtcDateTime, nullable=False),
    Column("next_run", UtcDateTime),
    Column("explanation", AnyText, nullable=False, server_default=""),
    Column("created", UtcDateTime, nullable=False),
    Column("modified", UtcDateTime, nullable=False),
    Column("created_by", Name, nullable=False, server_default=""),
    CheckConstraint("catch_up IN ('all', 'latest', 'none')", name="main_schedule_catch_up"),
    CheckConstraint("overlap IN ('queue', 'skip')", name="main_schedule_overlap"),
    sqlite_autoincrement=True,
)
Index("main_schedule_name", schedules.c.template_id, schedules.c.name, unique=True)
# The scheduler reads what is due, and when the next one is, and nothing else.
partial("main_schedule_due", schedules.c.next_run, where=ENABLED)

occurrences = Table(
    "main_scheduleoccurrence",
    metadata,
    Column("schedule_id", ForeignKey("main_schedule.id", ondelete="CASCADE"), primary_key=True),
    # Wall time and fold: what an occurrence is called for good.
    Column("local", Name, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("outcome", Name, nullable=False),
    Column("job_id", BigInteger),
    Column("reason", AnyText, nullable=False),
    Column("decided", UtcDateTime, nullable=False),
    CheckConstraint("outcome IN ('launched', 'missed', 'refused', 'skipped')", name="main_scheduleoccurrence_outcome"),
    CheckConstraint("(outcome = 'launched') = (job_id IS NOT NULL)", name="main_scheduleoccurrence_job"),
    sqlite_with_rowid=False,
)
# The last jobs of a schedule.
partial("main_scheduleoccurrence_jobs", occurrences.c.schedule_id, occurrences.c.job_id, where=HAS_JOB)
Index("main_scheduleoccurrence_at", occurrences.c.schedule_id, occurrences.c.at)
