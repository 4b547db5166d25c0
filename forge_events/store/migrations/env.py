# SPDX-License-Identifier: Apache-2.0
"""What Alembic runs first: it works on the connection that it is given, in the transaction that is open there."""

from __future__ import annotations

from alembic import context

from forge_events.store.served import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
