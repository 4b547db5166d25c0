# SPDX-License-Identifier: Apache-2.0
"""Who ran a job, and whether it was a dry run; of results also the host they were delegated to, and their duration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forge_events.store.columns import Name

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns. What was recorded before is no dry run, as far as anybody knows."""
    op.add_column("main_job", sa.Column("run_by", Name))
    op.add_column("main_job", sa.Column("run_as", Name))
    op.add_column("main_job", sa.Column("check_mode", sa.Boolean, nullable=False, server_default="0"))
    op.add_column("main_jobhostresult", sa.Column("check_mode", sa.Boolean, nullable=False, server_default="0"))
    op.add_column("main_jobhostresult", sa.Column("delegated_host", Name))
    op.add_column("main_jobhostresult", sa.Column("duration", sa.Float))
