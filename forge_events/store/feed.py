# SPDX-License-Identifier: Apache-2.0
"""What has happened since: the steps of all jobs in the order in which they were written down."""

from __future__ import annotations

import datetime  # noqa: TC003 - the annotations of a NamedTuple are part of it
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from forge_events.jobs import JobStatus
from forge_events.store.schema import jobs, transitions

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["StatusChange", "changes", "newest"]


class StatusChange(NamedTuple):
    """One step of one job.

    :param id: grows with each step, of whichever job.
    :param node: where the job runs, as far as that is known by now.
    """

    id: int
    job_id: int
    status: JobStatus
    at: datetime.datetime
    job_template_id: int | None
    node: str | None


def changes(connection: Connection, *, after: int, limit: int) -> list[StatusChange]:
    """Return steps with an id greater than ``after``, by id."""
    columns = (transitions.c.id, transitions.c.job_id, transitions.c.new, transitions.c.at)
    wanted = select(*columns, jobs.c.job_template_id, jobs.c.execution_node).join(
        jobs, jobs.c.id == transitions.c.job_id
    )
    rows = connection.execute(wanted.where(transitions.c.id > after).order_by(transitions.c.id).limit(limit))
    return [StatusChange(row[0], row[1], JobStatus(row[2]), *row[3:]) for row in rows]


def newest(connection: Connection) -> int:
    """Return the id of the last step, 0 without any."""
    return connection.scalar(select(func.max(transitions.c.id))) or 0
