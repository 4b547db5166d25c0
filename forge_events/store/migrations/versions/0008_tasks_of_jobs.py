# SPDX-License-Identifier: Apache-2.0
"""A row for each task of a job; those of jobs that are there already are counted whenever they are asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime

revision = "0008"
down_revision = "0007"

_COUNTS = ("ok", "changed", "skipped", "ignored", "rescued", "failed", "unreachable")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "main_jobtask",
        sa.Column("job_id", Id, primary_key=True, autoincrement=False),
        sa.Column("counter", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_counter", sa.BigInteger, nullable=False),
        sa.Column("uuid", Name, nullable=False),
        sa.Column("play_uuid", Name, nullable=False),
        sa.Column("play", Name, nullable=False),
        sa.Column("role", Name, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("action", Name, nullable=False),
        sa.Column("path", AnyText, nullable=False),
        sa.Column("is_handler", sa.Boolean, nullable=False),
        sa.Column("start_line", sa.BigInteger, nullable=False),
        sa.Column("end_line", sa.BigInteger, nullable=False),
        sa.Column("started", UtcDateTime, nullable=False),
        sa.Column("ended", UtcDateTime, nullable=False),
        sa.Column("duration", sa.Float),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in _COUNTS),
        sa.Column("running", Json, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("main_jobtask_uuid", "main_jobtask", ["job_id", "uuid"])
