# SPDX-License-Identifier: Apache-2.0
"""By how much the clock of each node differs from the database's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; it is filled by the next heartbeat."""
    op.add_column("main_instance", sa.Column("clock_offset", sa.Float))
