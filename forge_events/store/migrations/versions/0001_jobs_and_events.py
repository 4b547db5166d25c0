# SPDX-License-Identifier: Apache-2.0
"""Jobs, their transitions, their events, host summaries and the positions of their sources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime

revision = "0001"
down_revision = None

_ALL = "'canceled', 'error', 'failed', 'new', 'pending', 'running', 'successful', 'waiting'"
_FINAL = "'canceled', 'error', 'failed', 'successful'"
_UNSTARTED = "'new', 'pending', 'waiting'"
_CONTAINER = sa.text("event IN ('playbook_on_play_start', 'playbook_on_start', 'playbook_on_task_start')")
_HAS_OUTPUT = sa.text("stdout <> ''")

# What a server lacks or forbids is done without. Letters are folded as Unicode has it, by whatever the server knows of
# it, since a database that was made with the C locale knows those of ASCII only. LZ4 takes a fraction of the time of
# what is there otherwise.
_POSTGRESQL = (
    """
    DO $$ BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
    EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN NULL;
    END $$
    """,
    """
    DO $$ DECLARE
        found text := (
            SELECT format('value COLLATE %I', collname) FROM pg_collation
            WHERE collname IN ('und-x-icu', 'pg_c_utf8', 'C.utf8') AND collencoding IN (-1, pg_char_to_encoding('UTF8'))
            ORDER BY array_position(ARRAY['und-x-icu', 'pg_c_utf8', 'C.utf8'], collname::text) LIMIT 1
        );
    BEGIN
        EXECUTE 'CREATE FUNCTION forge_events_folded(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE'
            || ' RETURN lower(' || coalesce(found, 'value') || ')';
    END $$
    """,
    """
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
            ALTER TABLE main_jobevent ALTER stdout SET COMPRESSION lz4, ALTER event_data SET COMPRESSION lz4;
        END IF;
    END $$
    """,
)


def upgrade() -> None:
    """Make the tables."""
    _make_jobs()
    _make_transitions()
    _make_events()
    _make_summaries()
    _make_positions()
    if op.get_bind().dialect.name == "postgresql":
        for statement in _POSTGRESQL:
            op.execute(statement)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _make_jobs() -> None:
    op.create_table(
        "main_job",
        sa.Column("id", Id, primary_key=True),
        sa.Column("uuid", Name, nullable=False, unique=True),
        sa.Column("name", Name, nullable=False),
        sa.Column("status", Name, nullable=False),
        sa.Column("launch_type", Name, nullable=False),
        sa.Column("command", Json, nullable=False),
        sa.Column("directory", AnyText),
        sa.Column("host", Name),
        sa.Column("pid", sa.BigInteger),
        sa.Column("ansible_version", Name),
        sa.Column("parent_uuid", Name),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("started", UtcDateTime),
        sa.Column("finished", UtcDateTime),
        sa.Column("elapsed", sa.Float),
        sa.Column("rc", sa.BigInteger),
        sa.Column("failed", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("changed", sa.Boolean, nullable=False, server_default="0"),
        _count("event_count"),
        _count("event_size"),
        sa.Column("job_explanation", AnyText, nullable=False, server_default=""),
        sa.CheckConstraint(f"status IN ({_ALL})", name="main_job_status"),
        sa.CheckConstraint(f"(status IN ({_FINAL})) = (finished IS NOT NULL)", name="main_job_finished"),
        sa.CheckConstraint(f"status NOT IN ({_UNSTARTED}) OR started IS NULL", name="main_job_unstarted"),
        sa.CheckConstraint("status <> 'running' OR started IS NOT NULL", name="main_job_running"),
        sqlite_autoincrement=True,
    )


def _make_transitions() -> None:
    op.create_table(
        "main_jobtransition",
        sa.Column("id", Id, primary_key=True),
        sa.Column("job_id", Id, sa.ForeignKey("main_job.id"), nullable=False),
        sa.Column("old", Name, nullable=False),
        sa.Column("new", Name, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("by", Name, nullable=False),
        sa.Column("reason", AnyText, nullable=False),
        sa.CheckConstraint(f"old IN ({_ALL}) AND old NOT IN ({_FINAL})", name="main_jobtransition_old"),
        sa.CheckConstraint(f"new IN ({_ALL}) AND new <> old", name="main_jobtransition_new"),
    )
    op.create_index("ix_main_jobtransition_job_id", "main_jobtransition", ["job_id"])


def _make_events() -> None:
    op.create_table(
        "main_jobevent",
        sa.Column("job_id", Id, primary_key=True, autoincrement=False),
        sa.Column("counter", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("uuid", Name, nullable=False),
        sa.Column("parent_uuid", Name),
        sa.Column("event", Name, nullable=False),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("start_line", sa.BigInteger, nullable=False),
        sa.Column("end_line", sa.BigInteger, nullable=False),
        sa.Column("verbosity", sa.BigInteger, nullable=False),
        sa.Column("pid", sa.BigInteger),
        sa.Column("runner_ident", Name),
        sa.Column("failed", sa.Boolean, nullable=False),
        sa.Column("changed", sa.Boolean, nullable=False),
        sa.Column("host_name", Name, nullable=False),
        sa.Column("role", Name, nullable=False),
        sa.Column("task", Name, nullable=False),
        sa.Column("play", Name, nullable=False),
        sa.Column("playbook", Name, nullable=False),
        sa.Column("stdout", AnyText, nullable=False),
        sa.Column("event_data", Json, nullable=False),
        sa.CheckConstraint("counter > 0", name="main_jobevent_counter"),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (job_id)",
    )
    _index("container", ["job_id", "uuid"], _CONTAINER)
    _index("lines", ["job_id", "end_line"], _HAS_OUTPUT)


def _index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(f"main_jobevent_{name}", "main_jobevent", columns, sqlite_where=where, postgresql_where=where)


def _make_summaries() -> None:
    op.create_table(
        "main_jobhostsummary",
        sa.Column("job_id", Id, sa.ForeignKey("main_job.id"), primary_key=True),
        sa.Column("host_name", Name, primary_key=True),
        *map(_count, ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored", "processed")),
        sqlite_with_rowid=False,
    )


def _make_positions() -> None:
    op.create_table(
        "main_spoolposition",
        sa.Column("source", Name, primary_key=True),
        sa.Column("job_id", Id, sa.ForeignKey("main_job.id"), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_main_spoolposition_job_id", "main_spoolposition", ["job_id"])
