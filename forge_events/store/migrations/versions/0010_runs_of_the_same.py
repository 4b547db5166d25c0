# SPDX-License-Identifier: Apache-2.0
"""Find the runs of the same: the jobs of a name or of a template, newest first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the indexes."""
    of_template = sa.text("job_template_id IS NOT NULL")
    op.create_index("main_job_name", "main_job", ["name", "id"])
    op.create_index(
        "main_job_template",
        "main_job",
        ["job_template_id", "id"],
        sqlite_where=of_template,
        postgresql_where=of_template,
    )
