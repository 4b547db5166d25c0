# SPDX-License-Identifier: Apache-2.0
"""What happened on a host in all jobs, in a table of its own, and the indexes of pages, usage and retention."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forge_events.store.columns import Id, Name, UtcDateTime

revision = "0002"
down_revision = "0001"

_FAILED = sa.text("failed")
_HAS_HOST = sa.text("host_name <> ''")
_COLUMNS = "host_name, created, job_id, counter, event, task, failed, changed"
_RESULTS = "'runner_on_ok', 'runner_on_failed', 'runner_on_skipped', 'runner_on_unreachable'"


def upgrade() -> None:
    """Make the table, fill it from the events that are there, and make the indexes."""
    _make_results()
    op.create_index("main_job_created", "main_job", ["created", "id"])
    op.create_index("main_job_finished", "main_job", ["finished", "id"])
    op.create_index("main_job_status_id", "main_job", ["status", "id"])
    _index("main_jobevent", "host", ["job_id", "host_name", "counter"], _HAS_HOST)
    _index("main_jobevent", "failed", ["job_id", "counter"], _FAILED)


def _make_results() -> None:
    op.create_table(
        "main_jobhostresult",
        sa.Column("host_name", Name, primary_key=True),
        sa.Column("created", UtcDateTime, primary_key=True),
        sa.Column("job_id", Id, primary_key=True, autoincrement=False),
        sa.Column("counter", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event", Name, nullable=False),
        sa.Column("task", Name, nullable=False),
        sa.Column("failed", sa.Boolean, nullable=False),
        sa.Column("changed", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO main_jobhostresult ({_COLUMNS}) SELECT {_COLUMNS} FROM main_jobevent"  # noqa: S608 - constants
        f" WHERE event IN ({_RESULTS}) AND host_name <> ''"
    )
    op.create_index("main_jobhostresult_job_id", "main_jobhostresult", ["job_id"])
    _index("main_jobhostresult", "failed_task", ["task", "created"], _FAILED)
    _index("main_jobhostresult", "failed", ["created"], _FAILED)


def _index(table: str, name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(f"{table}_{name}", table, columns, sqlite_where=where, postgresql_where=where)
