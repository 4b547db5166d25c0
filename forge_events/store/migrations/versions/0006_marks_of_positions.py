# SPDX-License-Identifier: Apache-2.0
"""What stands in front of a position, as a number: a position that was written down without one is not gone on from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Give positions their mark."""
    op.add_column("main_spoolposition", sa.Column("mark", sa.BigInteger, nullable=False, server_default="0"))
