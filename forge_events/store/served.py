# SPDX-License-Identifier: Apache-2.0
"""The tables of what only the API has: who may use it, and the objects that AWX's clients expect beside jobs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Table, UniqueConstraint

from forge_events.store.columns import AnyText, Id, Json, Name, UtcDateTime
from forge_events.store.schema import metadata

__all__ = [
    "deliveries",
    "environments",
    "groupchildren",
    "grouphosts",
    "groups",
    "hosts",
    "idempotencykeys",
    "inventories",
    "joblabels",
    "joborigins",
    "labels",
    "metadata",
    "organizations",
    "projects",
    "sessions",
    "templatelabels",
    "templateorigins",
    "tokens",
    "users",
    "webhooks",
]


def _named(name: str, *more: Any, unique: bool = True) -> Table:
    """Return a table of things that have a name, and that somebody made and changed."""
    return Table(
        name,
        metadata,
        Column("id", Id, primary_key=True),
        Column("name", Name, nullable=False, unique=unique),
        Column("description", AnyText, nullable=False, server_default=""),
        Column("created", UtcDateTime, nullable=False),
        Column("modified", UtcDateTime, nullable=False),
        _to("created_by", "main_user.id", "SET NULL"),
        _to("modified_by", "main_user.id", "SET NULL"),
        *more,
        sqlite_autoincrement=True,
    )


def _to(name: str, target: str, on_delete: str, **options: Any) -> Column[int]:
    return Column(name, Id, ForeignKey(target, ondelete=on_delete), **options)


users = Table(
    "main_user",
    metadata,
    Column("id", Id, primary_key=True),
    Column("username", Name, nullable=False, unique=True),
    # argon2's own form; empty for one who logs in with tokens alone.
    Column("password", AnyText, nullable=False, server_default=""),
    Column("first_name", Name, nullable=False, server_default=""),
    Column("last_name", Name, nullable=False, server_default=""),
    Column("email", Name, nullable=False, server_default=""),
    Column("is_superuser", Boolean, nullable=False, server_default="0"),
    Column("is_system_auditor", Boolean, nullable=False, server_default="0"),
    Column("created", UtcDateTime, nullable=False),
    Column("modified", UtcDateTime, nullable=False),
    Column("last_login", UtcDateTime),
    sqlite_autoincrement=True,
)

# What is kept of a secret that was shown once is its SHA-256.
tokens = Table(
    "main_token",
    metadata,
    Column("id", Id, primary_key=True),
    _to("user_id", "main_user.id", "CASCADE", nullable=False, index=True),
    Column("digest", Name, nullable=False, unique=True),
    Column("description", AnyText, nullable=False, server_default=""),
    Column("scope", Name, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("modified", UtcDateTime, nullable=False),
    Column("expires", UtcDateTime, nullable=False),
    Column("last_used", UtcDateTime),
    CheckConstraint("scope IN ('login', 'read', 'write')", name="main_token_scope"),
    sqlite_autoincrement=True,
)

sessions = Table(
    "main_session",
    metadata,
    Column("digest", Name, primary_key=True),
    _to("user_id", "main_user.id", "CASCADE", nullable=False, index=True),
    Column("csrf", Name, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
)

organizations = _named("main_organization")

inventories = _named("main_inventory", Column("variables", AnyText, nullable=False, server_default=""))

hosts = _named(
    "main_host",
    _to("inventory_id", "main_inventory.id", "CASCADE", nullable=False),
    Column("enabled", Boolean, nullable=False, server_default="1"),
    Column("instance_id", Name, nullable=False, server_default=""),
    Column("variables", AnyText, nullable=False, server_default=""),
    UniqueConstraint("inventory_id", "name", name="main_host_name"),
    unique=False,
)

groups = _named(
    "main_group",
    _to("inventory_id", "main_inventory.id", "CASCADE", nullable=False),
    Column("variables", AnyText, nullable=False, server_default=""),
    UniqueConstraint("inventory_id", "name", name="main_group_name"),
    unique=False,
)


def _pairs(name: str, first: tuple[str, str], second: tuple[str, str]) -> Table:
    """Return a table of what belongs to what."""
    return Table(
        name,
        metadata,
        *(_to(column, target, "CASCADE", primary_key=True, autoincrement=False) for column, target in (first, second)),
    )


grouphosts = _pairs("main_group_hosts", ("group_id", "main_group.id"), ("host_id", "main_host.id"))
groupchildren = _pairs("main_group_children", ("parent_id", "main_group.id"), ("child_id", "main_group.id"))

projects = _named("main_project", Column("local_path", AnyText, nullable=False, server_default=""))

labels = _named("main_label")

environments = _named(
    "main_executionenvironment",
    Column("image", AnyText, nullable=False),
    Column("pull", Name, nullable=False, server_default=""),
)


def _origins(name: str, owner: tuple[str, str], *more: Any) -> Table:
    """Return a table of the objects that a job or template names; what it runs has their paths and content."""
    return Table(
        name,
        metadata,
        _to(*owner, "CASCADE", primary_key=True, autoincrement=False),
        _to("inventory_id", "main_inventory.id", "SET NULL"),
        _to("project_id", "main_project.id", "SET NULL"),
        _to("execution_environment_id", "main_executionenvironment.id", "SET NULL"),
        _to("user_id", "main_user.id", "SET NULL"),
        *more,
    )


joborigins = _origins("main_joborigin", ("job_id", "main_job.id"))
# What is as it was given: AWX's clients compare it with what they would send.
templateorigins = _origins(
    "main_jobtemplateorigin", ("job_template_id", "main_jobtemplate.id"), Column("given", Json, nullable=False)
)
joblabels = _pairs("main_job_labels", ("job_id", "main_job.id"), ("label_id", "main_label.id"))
templatelabels = _pairs(
    "main_jobtemplate_labels", ("job_template_id", "main_jobtemplate.id"), ("label_id", "main_label.id")
)

# A launch that is sent again with its key is the same job.
idempotencykeys = Table(
    "main_idempotencykey",
    metadata,
    _to("user_id", "main_user.id", "CASCADE", primary_key=True, autoincrement=False),
    Column("key", Name, primary_key=True),
    Column("request", Name, nullable=False),
    Column("job_uuid", Name, nullable=False),
    Column("created", UtcDateTime, nullable=False),
)

# By what a template is launched from elsewhere. The key is sealed: it has to be read again to check a signature.
webhooks = Table(
    "main_webhook",
    metadata,
    Column("id", Id, primary_key=True),
    _to("template_id", "main_jobtemplate.id", "CASCADE", nullable=False),
    Column("service", Name, nullable=False),
    Column("sealed_key", AnyText, nullable=False),
    Column("old_sealed_key", AnyText),
    Column("old_key_until", UtcDateTime),
    Column("events", Json, nullable=False),
    Column("branches", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("actions", Json, nullable=False),
    Column("when", AnyText, nullable=False, server_default=""),
    Column("takes_forks", Boolean, nullable=False, server_default="0"),
    Column("enabled", Boolean, nullable=False, server_default="1"),
    Column("created", UtcDateTime, nullable=False),
    Column("modified", UtcDateTime, nullable=False),
    UniqueConstraint("template_id", "service", name="main_webhook_service"),
    sqlite_autoincrement=True,
)

# A delivery that was sent again launches nothing again; what was decided is told.
deliveries = Table(
    "main_webhookdelivery",
    metadata,
    _to("webhook_id", "main_webhook.id", "CASCADE", primary_key=True),
    Column("guid", Name, primary_key=True),
    Column("received", UtcDateTime, nullable=False, index=True),
    Column("event", Name, nullable=False),
    Column("ref", Name, nullable=False),
    Column("outcome", Name, nullable=False),
    Column("reason", AnyText, nullable=False, server_default=""),
    Column("job_id", Id),
    CheckConstraint("outcome IN ('ignored', 'launched', 'refused')", name="main_webhookdelivery_outcome"),
    CheckConstraint("(outcome = 'launched') = (job_id IS NOT NULL)", name="main_webhookdelivery_job"),
)
