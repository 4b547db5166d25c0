# SPDX-License-Identifier: Apache-2.0
"""What only the API has: users, tokens, sessions, and the objects that AWX's clients expect beside jobs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    _make_accounts()
    _make_named("main_organization")
    _make_named("main_inventory", _text("variables"))
    inventory = ("inventory_id", "main_inventory.id", "CASCADE")
    own_name = ("inventory_id", "name")
    _make_named(
        "main_host", _to(*inventory, nullable=False), _flag("enabled", "1"), _name("instance_id"), _text("variables"),
        sa.UniqueConstraint(*own_name, name="main_host_name"), unique=False,
    )  # fmt: skip
    _make_named(
        "main_group", _to(*inventory, nullable=False), _text("variables"),
        sa.UniqueConstraint(*own_name, name="main_group_name"), unique=False,
    )  # fmt: skip
    _make_pairs("main_group_hosts", ("group_id", "main_group.id"), ("host_id", "main_host.id"))
    _make_pairs("main_group_children", ("parent_id", "main_group.id"), ("child_id", "main_group.id"))
    _make_named("main_project", _text("local_path"))
    _make_named("main_label")
    _make_named("main_executionenvironment", sa.Column("image", AnyText, nullable=False), _name("pull"))
    _make_origins("main_joborigin", ("job_id", "main_job.id"))
    given = sa.Column("given", Json, nullable=False)
    _make_origins("main_jobtemplateorigin", ("job_template_id", "main_jobtemplate.id"), given)
    label = ("label_id", "main_label.id")
    _make_pairs("main_job_labels", ("job_id", "main_job.id"), label)
    _make_pairs("main_jobtemplate_labels", ("job_template_id", "main_jobtemplate.id"), label)
    op.create_table(
        "main_idempotencykey",
        _to("user_id", "main_user.id", "CASCADE", primary_key=True, autoincrement=False),
        sa.Column("key", Name, primary_key=True),
        sa.Column("request", Name, nullable=False),
        sa.Column("job_uuid", Name, nullable=False),
        _time("created"),
    )


def _make_accounts() -> None:
    op.create_table(
        "main_user",
        sa.Column("id", Id, primary_key=True),
        sa.Column("username", Name, nullable=False, unique=True),
        _text("password"),
        *(_name(column) for column in ("first_name", "last_name", "email")),
        *(_flag(column, "0") for column in ("is_superuser", "is_system_auditor")),
        _time("created"),
        _time("modified"),
        sa.Column("last_login", UtcDateTime),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "main_token",
        sa.Column("id", Id, primary_key=True),
        _to("user_id", "main_user.id", "CASCADE", nullable=False),
        sa.Column("digest", Name, nullable=False, unique=True),
        _text("description"),
        sa.Column("scope", Name, nullable=False),
        *(_time(column) for column in ("created", "modified", "expires")),
        sa.Column("last_used", UtcDateTime),
        sa.CheckConstraint("scope IN ('login', 'read', 'write')", name="main_token_scope"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "main_session",
        sa.Column("digest", Name, primary_key=True),
        _to("user_id", "main_user.id", "CASCADE", nullable=False),
        sa.Column("csrf", Name, nullable=False),
        _time("created"),
        _time("last_seen"),
    )
    for table in ("main_token", "main_session"):
        op.create_index(f"ix_{table}_user_id", table, ["user_id"])


def _make_named(name: str, *more: Any, unique: bool = True) -> None:
    op.create_table(
        name,
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", Name, nullable=False, unique=unique),
        _text("description"),
        _time("created"),
        _time("modified"),
        _to("created_by", "main_user.id", "SET NULL"),
        _to("modified_by", "main_user.id", "SET NULL"),
        *more,
        sqlite_autoincrement=True,
    )


def _make_pairs(name: str, *columns: tuple[str, str]) -> None:
    op.create_table(name, *(_to(*column, "CASCADE", primary_key=True, autoincrement=False) for column in columns))


def _make_origins(name: str, owner: tuple[str, str], *more: Any) -> None:
    targets = ("inventory", "project", "execution_environment", "user")
    op.create_table(
        name,
        _to(*owner, "CASCADE", primary_key=True, autoincrement=False),
        *(_to(f"{target}_id", f"main_{target.replace('_', '')}.id", "SET NULL") for target in targets),
        *more,
    )


def _to(name: str, target: str, on_delete: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, Id, sa.ForeignKey(target, ondelete=on_delete), **options)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, AnyText, nullable=False, server_default="")


def _name(name: str) -> sa.Column[Any]:
    return sa.Column(name, Name, nullable=False, server_default="")


def _flag(name: str, default: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=default)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime, nullable=False)
