# SPDX-License-Identifier: Apache-2.0
"""What each process does, and what it works with; those that are there are dispatchers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forge_events.store.columns import Json, Name

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("main_dispatcher", sa.Column("role", Name, nullable=False, server_default="dispatcher"))
    op.add_column("main_dispatcher", sa.Column("facts", Json, nullable=False, server_default="{}"))
