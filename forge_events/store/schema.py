# SPDX-License-Identifier: Apache-2.0
"""The tables. Columns have the names that AWX gives them, where AWX has them.

What the domain says in Python is said again here as constraints, in statements that SQLite and PostgreSQL share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, TextClause

__all__ = [
    "ACTIVE_ALONE",
    "ACTIVE_JOB",
    "CONTAINER",
    "ENDS",
    "FAILED",
    "HAS_HOST",
    "HAS_OUTPUT",
    "OF_TEMPLATE",
    "PENDING",
    "REVISIONS",
    "UNSENT",
    "dependencies",
    "dispatchers",
    "hostresults",
    "hostsummaries",
    "jobevents",
    "jobs",
    "jobtasks",
    "metadata",
    "nodes",
    "notifications",
    "partial",
    "spoolpositions",
    "templates",
    "transitions",
]

REVISIONS = tuple(f"{number:04}" for number in range(1, 14))
"""The revisions of the schema, oldest first; the tables below are the last one. A database carries its own with it."""

metadata = MetaData()


def partial(name: str, *columns: ColumnElement[Any], where: TextClause, unique: bool = False) -> None:
    """Add an index of the rows for which a condition holds.

    SQLAlchemy loads a dialect as soon as one of its options is named, and most who use SQLite need no other one. So
    PostgreSQL's option is set where PostgreSQL is used, from the condition that is kept in the index's ``info``.
    """
    Index(name, *columns, unique=unique, sqlite_where=where, info={"where": where})


def _words(words: frozenset[str] | type[JobStatus]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


_FINAL = _words(frozenset(FINAL))
_UNSTARTED = _words(frozenset({JobStatus.NEW, JobStatus.PENDING, JobStatus.WAITING}))


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


# Partial indexes are used only where a query repeats their condition to the letter; hence text.
PENDING = text("status = 'pending' AND blocker_count = 0")
"""The condition of a job that may be taken on."""

ACTIVE_JOB = text("status IN ('running', 'waiting')")
"""The condition of a job that a dispatcher has taken on."""

ACTIVE_ALONE = text("queue > 0 AND status IN ('running', 'waiting')")
"""The condition of an active job whose template allows one at a time."""

ENDS = text(f"new IN ({_FINAL})")
"""The condition of a step into a final status."""

OF_TEMPLATE = text("job_template_id IS NOT NULL")
"""The condition of a job that comes from a template."""

UNSENT = text("status IN ('pending', 'sending')")
"""The condition of a notification that is not done with."""

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
    # What only a job has that was launched.
    Column("job_template_id", BigInteger),
    # 0, or the template of which one job runs at a time.
    _count("queue"),
    # The only node that it may run on, or nothing.
    Column("wanted_node", Name, nullable=False, server_default=""),
    Column("launch", Json),
    _count("impact"),
    _count("blocker_count"),
    Column("execution_node", Name),
    Column("dispatcher_id", BigInteger),
    Column("runner_pid", BigInteger),
    Column("runner_started", UtcDateTime),
    Column("cancel_requested", UtcDateTime),
    Column("cancel_by", Name),
    Column("run_by", Name),
    Column("run_as", Name),
    Column("check_mode", Boolean, nullable=False, server_default="0"),
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
# The runs of the same.
Index("main_job_name", jobs.c.name, jobs.c.id)
partial("main_job_template", jobs.c.job_template_id, jobs.c.id, where=OF_TEMPLATE)
Index("main_job_status_id", jobs.c.status, jobs.c.id)

# What a dispatcher takes next: the oldest of each queue, without a look at those behind it.
partial("main_job_pending", jobs.c.wanted_node, jobs.c.queue, jobs.c.id, where=PENDING)
# Few jobs are active, and all that is asked about capacity is asked of them.
partial("main_job_active", jobs.c.execution_node, jobs.c.id, where=ACTIVE_JOB)
# Of a template that does not allow more, one job is active.
partial("main_job_one_of_template", jobs.c.queue, unique=True, where=ACTIVE_ALONE)

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

# A job ends once, whatever else goes wrong.
partial("main_jobtransition_end", transitions.c.job_id, unique=True, where=ENDS)

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
)

CONTAINER = text(f"event IN ({_words(CONTAINERS)})")
"""The condition of an event that has children."""

HAS_OUTPUT = text("stdout <> ''")
"""The condition of an event that shows something."""

HAS_HOST = text("host_name <> ''")
"""The condition of an event of a host."""

FAILED = text("failed")
"""The condition of an event that failed, or of a container in which something did."""

# Few events have children; this is how a failure finds the way up.
partial("main_jobevent_container", jobevents.c.job_id, jobevents.c.uuid, where=CONTAINER)

# Lines grow with the counter, so this finds where a range of the output begins.
partial("main_jobevent_lines", jobevents.c.job_id, jobevents.c.end_line, where=HAS_OUTPUT)

# The events of one host, and those that failed, in the order of the job.
partial("main_jobevent_host", jobevents.c.job_id, jobevents.c.host_name, jobevents.c.counter, where=HAS_HOST)
partial("main_jobevent_failed", jobevents.c.job_id, jobevents.c.counter, where=FAILED)

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
    Column("check_mode", Boolean, nullable=False, server_default="0"),
    Column("delegated_host", Name),
    Column("duration", Float),
    sqlite_with_rowid=False,
)
Index("main_jobhostresult_job_id", hostresults.c.job_id)
# Failures are few, so they may be looked up by task and by time alone as well.
partial("main_jobhostresult_failed_task", hostresults.c.task, hostresults.c.created, where=FAILED)
partial("main_jobhostresult_failed", hostresults.c.created, where=FAILED)

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

# What came of each task, so that nobody who shows a job reads all its events. No foreign key, as for the results.
jobtasks = Table(
    "main_jobtask",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("counter", BigInteger, primary_key=True, autoincrement=False),
    Column("last_counter", BigInteger, nullable=False),
    Column("uuid", Name, nullable=False),
    Column("play_uuid", Name, nullable=False),
    Column("play", Name, nullable=False),
    Column("role", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("path", AnyText, nullable=False),
    Column("is_handler", Boolean, nullable=False),
    Column("start_line", BigInteger, nullable=False),
    Column("end_line", BigInteger, nullable=False),
    Column("started", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime, nullable=False),
    Column("duration", Float),
    _count("ok"),
    _count("changed"),
    _count("skipped"),
    _count("ignored"),
    _count("rescued"),
    _count("failed"),
    _count("unreachable"),
    Column("running", Json, nullable=False),
    sqlite_with_rowid=False,
)
# How an event of a host finds its task.
Index("main_jobtask_uuid", jobtasks.c.job_id, jobtasks.c.uuid)

spoolpositions = Table(
    "main_spoolposition",
    metadata,
    Column("source", Name, primary_key=True),
    Column("job_id", ForeignKey("main_job.id"), nullable=False, index=True),
    Column("position", BigInteger, nullable=False),
    # What stands in front of the position, as a number.
    _count("mark"),
    sqlite_with_rowid=False,
)

# A job runs only when those that it depends on were successful.
dependencies = Table(
    "main_jobdependency",
    metadata,
    Column("job_id", ForeignKey("main_job.id"), primary_key=True),
    Column("blocker_id", ForeignKey("main_job.id"), primary_key=True, index=True),
    CheckConstraint("blocker_id < job_id", name="main_jobdependency_order"),
    sqlite_with_rowid=False,
)

nodes = Table(
    "main_instance",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hostname", Name, nullable=False, unique=True),
    Column("node_type", Name, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default="1"),
    Column("created", UtcDateTime, nullable=False),
    # The machine that works under this name, and when it last said so.
    Column("machine", Name),
    Column("last_seen", UtcDateTime),
    Column("version", Name),
    Column("cpu", Float),
    Column("memory", BigInteger),
    Column("capacity_adjustment", Float, nullable=False, server_default="0"),
    # What the owner says instead of what was measured.
    Column("absolute_cpu", Float),
    Column("absolute_memory", BigInteger),
    # Seconds by which its machine's clock was ahead of the database's when it was seen last.
    Column("clock_offset", Float),
    CheckConstraint("node_type IN ('control', 'execution', 'hop', 'hybrid')", name="main_instance_type"),
    CheckConstraint("capacity_adjustment >= 0 AND capacity_adjustment <= 1", name="main_instance_adjustment"),
    CheckConstraint("(machine IS NULL) = (last_seen IS NULL)", name="main_instance_seen"),
    sqlite_autoincrement=True,
)

# The processes that work: one row for what each does while it lives, or until somebody sees that it does not.
dispatchers = Table(
    "main_dispatcher",
    metadata,
    Column("id", Id, primary_key=True),
    Column("node", Name, nullable=False, index=True),
    Column("machine", Name, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("process_started", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
    # One that somebody started for a single job, and that takes on no other.
    Column("only_job_id", BigInteger),
    Column("role", Name, nullable=False, server_default="dispatcher"),
    # What has to be the same for processes that work together: a folder, and the digests of what is secret.
    Column("facts", Json, nullable=False, server_default="{}"),
    sqlite_autoincrement=True,
)

templates = Table(
    "main_jobtemplate",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column("description", AnyText, nullable=False, server_default=""),
    Column("launch", Json, nullable=False),
    Column("ask", Json, nullable=False),
    Column("allow_simultaneous", Boolean, nullable=False, server_default="0"),
    Column("notifications", Json, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("modified", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

# What is to be told of a job, written down together with the step that it tells of.
notifications = Table(
    "main_jobnotification",
    metadata,
    Column("id", Id, primary_key=True),
    Column("job_id", ForeignKey("main_job.id"), nullable=False),
    Column("event", Name, nullable=False),
    Column("url", AnyText, nullable=False),
    Column("message", AnyText),
    Column("status", Name, nullable=False),
    Column("attempts", BigInteger, nullable=False, server_default="0"),
    Column("due", UtcDateTime, nullable=False),
    Column("sent", UtcDateTime),
    Column("error", AnyText, nullable=False, server_default=""),
    CheckConstraint("event IN ('failure', 'started', 'success')", name="main_jobnotification_event"),
    CheckConstraint("status IN ('failed', 'pending', 'sending', 'sent')", name="main_jobnotification_status"),
    CheckConstraint("(status = 'sent') = (sent IS NOT NULL)", name="main_jobnotification_sent"),
    sqlite_autoincrement=True,
)
# A job is told of once to each address for each of its events.
Index("main_jobnotification_once", notifications.c.job_id, notifications.c.event, notifications.c.url, unique=True)
partial("main_jobnotification_due", notifications.c.due, where=UNSENT)
