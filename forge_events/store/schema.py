# SPDX-License-Identifier: Apache-2.0
"""The tables. Columns have the names that AWX gives them, where AWX has them.

What the domain says in Python is said again here as constraints, in statements that SQLite and PostgreSQL share.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    MetaData,
    Table,
    text,
)

from forge_events.hierarchy import CONTAINERS
from forge_events.jobs import FINAL, JobStatus
from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime

__all__ = [
    "CONTAINER",
    "FAILED",
    "HAS_HOST",
    "HAS_OUTPUT",
    "REVISIONS",
    "hostresults",
    "hostsummaries",
    "jobevents",
    "jobs",
    "metadata",
    "spoolpositions",
    "transitions",
]

REVISIONS = ("0001", "0002")
"""The revisions of the schema, oldest first; the tables below are the last one. A database carries its own with it."""

metadata = MetaData()


def _words(words: frozenset[str] | type[JobStatus]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


_FINAL = _words(frozenset(FINAL))
_UNSTARTED = _words(frozenset({JobStatus.NEW, JobStatus.PENDING, JobStatus.WAITING}))


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


jobs = Table(
    "main_job",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uuid", Name, nullable=False, unique=True),
    Column("name", Name, nullable=False),
    Column("status", Name, nullable=False),
    Column("launch_type", Name, nullable=False),
    Column("command", Json, nullable=False),
    Column("directory", AnyText),
    Column("host", Name),
    Column("pid", BigInteger),
    Column("ansible_version", Name),
    Column("parent_uuid", Name),
    Column("created", UtcDateTime, nullable=False),
    Column("started", UtcDateTime),
    Column("finished", UtcDateTime),
    Column("elapsed", Float),
    Column("rc", BigInteger),
    Column("failed", Boolean, nullable=False, server_default="0"),
    Column("changed", Boolean, nullable=False, server_default="0"),
    _count("event_count"),
    _count("event_size"),
    Column("job_explanation", AnyText, nullable=False, server_default=""),
    CheckConstraint(f"status IN ({_words(JobStatus)})", name="main_job_status"),
    # A job cannot be in a status that its timestamps contradict; one that never ran may end without having started.
    CheckConstraint(f"(status IN ({_FINAL})) = (finished IS NOT NULL)", name="main_job_finished"),
    CheckConstraint(f"status NOT IN ({_UNSTARTED}) OR started IS NULL", name="main_job_unstarted"),
    CheckConstraint("status <> 'running' OR started IS NOT NULL", name="main_job_running"),
    # An id that was dropped must not come back as another job.
    sqlite_autoincrement=True,
)

# Usage and search begin with a time; retention walks through the jobs by their end; a list may be narrowed to a status.
Index("main_job_created", jobs.c.created, jobs.c.id)
Index("main_job_finished", jobs.c.finished, jobs.c.id)
Index("main_job_status_id", jobs.c.status, jobs.c.id)

transitions = Table(
    "main_jobtransition",
    metadata,
    Column("id", Id, primary_key=True),
    Column("job_id", ForeignKey("main_job.id"), nullable=False, index=True),
    Column("old", Name, nullable=False),
    Column("new", Name, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("by", Name, nullable=False),
    Column("reason", AnyText, nullable=False),
    CheckConstraint(f"old IN ({_words(JobStatus)}) AND old NOT IN ({_FINAL})", name="main_jobtransition_old"),
    CheckConstraint(f"new IN ({_words(JobStatus)}) AND new <> old", name="main_jobtransition_new"),
)

jobevents = Table(
    "main_jobevent",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("counter", BigInteger, primary_key=True, autoincrement=False),
    Column("uuid", Name, nullable=False),
    Column("parent_uuid", Name),
    Column("event", Name, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("start_line", BigInteger, nullable=False),
    Column("end_line", BigInteger, nullable=False),
    Column("verbosity", BigInteger, nullable=False),
    Column("pid", BigInteger),
    Column("runner_ident", Name),
    Column("failed", Boolean, nullable=False),
    Column("changed", Boolean, nullable=False),
    Column("host_name", Name, nullable=False),
    Column("role", Name, nullable=False),
    Column("task", Name, nullable=False),
    Column("play", Name, nullable=False),
    Column("playbook", Name, nullable=False),
    # The long ones come last: SQLite reads the columns before them without touching their overflow pages.
    Column("stdout", AnyText, nullable=False),
    Column("event_data", Json, nullable=False),
    CheckConstraint("counter > 0", name="main_jobevent_counter"),
    # Clustered on (job_id, counter): a job is read in one sweep and appended at one place.
    sqlite_with_rowid=False,
    # PostgreSQL: blocks of jobs, and in each a leaf for every job; see forge_events.store.partitions.
    postgresql_partition_by="RANGE (job_id)",
)

# Partial indexes are used only where a query repeats their condition to the letter; hence text.
CONTAINER = text(f"event IN ({_words(CONTAINERS)})")
"""The condition of an event that has children."""

HAS_OUTPUT = text("stdout <> ''")
"""The condition of an event that shows something."""

HAS_HOST = text("host_name <> ''")
"""The condition of an event of a host."""

FAILED = text("failed")
"""The condition of an event that failed, or of a container in which something did."""

# Few events have children; this is how a failure finds the way up.
Index(
    "main_jobevent_container",
    jobevents.c.job_id,
    jobevents.c.uuid,
    sqlite_where=CONTAINER,
    postgresql_where=CONTAINER,
)

# Lines grow with the counter, so this finds where a range of the output begins.
Index(
    "main_jobevent_lines",
    jobevents.c.job_id,
    jobevents.c.end_line,
    sqlite_where=HAS_OUTPUT,
    postgresql_where=HAS_OUTPUT,
)

# The events of one host, and those that failed, in the order of the job.
Index(
    "main_jobevent_host",
    jobevents.c.job_id,
    jobevents.c.host_name,
    jobevents.c.counter,
    sqlite_where=HAS_HOST,
    postgresql_where=HAS_HOST,
)
Index(
    "main_jobevent_failed",
    jobevents.c.job_id,
    jobevents.c.counter,
    sqlite_where=FAILED,
    postgresql_where=FAILED,
)

# Answers what happened to a host in all jobs, without a look at any job's events: the final result of each task on each
# host, narrow and in one piece. No foreign key: PostgreSQL would look the job up for each row.
hostresults = Table(
    "main_jobhostresult",
    metadata,
    Column("host_name", Name, primary_key=True),
    Column("created", UtcDateTime, primary_key=True),
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("counter", BigInteger, primary_key=True, autoincrement=False),
    Column("event", Name, nullable=False),
    Column("task", Name, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("changed", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
Index("main_jobhostresult_job_id", hostresults.c.job_id)
# Failures are few, so they may be looked up by task and by time alone as well.
Index(
    "main_jobhostresult_failed_task",
    hostresults.c.task,
    hostresults.c.created,
    sqlite_where=FAILED,
    postgresql_where=FAILED,
)
Index("main_jobhostresult_failed", hostresults.c.created, sqlite_where=FAILED, postgresql_where=FAILED)

hostsummaries = Table(
    "main_jobhostsummary",
    metadata,
    Column("job_id", ForeignKey("main_job.id"), primary_key=True),
    Column("host_name", Name, primary_key=True),
    _count("ok"),
    _count("changed"),
    _count("failures"),
    _count("dark"),
    _count("skipped"),
    _count("rescued"),
    _count("ignored"),
    _count("processed"),
    sqlite_with_rowid=False,
)

spoolpositions = Table(
    "main_spoolposition",
    metadata,
    Column("source", Name, primary_key=True),
    Column("job_id", ForeignKey("main_job.id"), nullable=False, index=True),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
