# SPDX-License-Identifier: Apache-2.0
"""Make job templates that have notifications, and jobs of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from forge_events.jobs import JobStatus
from forge_events.store.schema import templates
from tests.store.making import NOW, new_job

if TYPE_CHECKING:
    from forge_events.jobs import Job
    from forge_events.store import Store

_numbers = itertools.count(1)


def add_template(store: Store, **notifications: Any) -> int:
    """Add a template and return its id; ``notifications`` are lists of addresses by event, or what else is stored."""
    wanted = {event: [_as_stored(one) for one in found] for event, found in notifications.items()}
    values = {"name": f"template {next(_numbers)}", "launch": {"playbook": "site.yml"}, "ask": [], "created": NOW}
    new = insert(templates).values(**values, modified=NOW, notifications=wanted).returning(templates.c.id)
    with store._database.writing() as connection:
        found: int = connection.execute(new).scalar_one()
    return found


def _as_stored(one: str | dict[str, Any]) -> dict[str, Any]:
    return {"url": one, "message": None} if isinstance(one, str) else one


def running(store: Store, template_id: int | None, **facts: Any) -> Job:
    job = store.add_job(new_job(job_template_id=template_id, **facts))
    return store.transition(job, JobStatus.RUNNING, at=NOW, by="test")
