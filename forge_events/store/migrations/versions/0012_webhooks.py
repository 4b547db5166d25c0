# SPDX-License-Identifier: Apache-2.0
"""Webhooks of job templates, and what was sent to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "main_webhook",
        sa.Column("id", Id, primary_key=True),
        sa.Column("template_id", Id, sa.ForeignKey("main_jobtemplate.id", ondelete="CASCADE"), nullable=False),
        sa.Column("service", Name, nullable=False),
        sa.Column("sealed_key", AnyText, nullable=False),
        sa.Column("old_sealed_key", AnyText),
        sa.Column("old_key_until", UtcDateTime),
        *(sa.Column(name, Json, nullable=False) for name in ("events", "branches", "tags", "actions")),
        sa.Column("when", AnyText, nullable=False, server_default=""),
        sa.Column("takes_forks", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default="1"),
        sa.Column("created", UtcDateTime, nullable=False),
        sa.Column("modified", UtcDateTime, nullable=False),
        sa.UniqueConstraint("template_id", "service", name="main_webhook_service"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "main_webhookdelivery",
        sa.Column("webhook_id", Id, sa.ForeignKey("main_webhook.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("guid", Name, primary_key=True),
        sa.Column("received", UtcDateTime, nullable=False, index=True),
        sa.Column("event", Name, nullable=False),
        sa.Column("ref", Name, nullable=False),
        sa.Column("outcome", Name, nullable=False),
        sa.Column("reason", AnyText, nullable=False, server_default=""),
        sa.Column("job_id", Id),
        sa.CheckConstraint("outcome IN ('ignored', 'launched', 'refused')", name="main_webhookdelivery_outcome"),
        sa.CheckConstraint("(outcome = 'launched') = (job_id IS NOT NULL)", name="main_webhookdelivery_job"),
    )
