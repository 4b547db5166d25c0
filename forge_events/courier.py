# SPDX-License-Identifier: Apache-2.0
"""Who is told after a commit that there is something to decide or to do: nobody, or the workers of Celery.

The store's own bell rings in any case, with the commit. A message is sent after it, and never inside: whoever reads it
finds the row.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Protocol

from forge_events.errors import InvalidSettings

if TYPE_CHECKING:
    from forge_events.jobs import Job

__all__ = ["Courier", "Nobody", "courier_of", "tell"]

_LOG = logging.getLogger(__name__)


class Courier(Protocol):
    """Tells others; it never fails and never takes longer than a second."""

    def to_deciders(self, job_id: int) -> str:
        """Tell those who decide; return why nobody could be told, or nothing."""

    def to_node(self, job_id: int, node: str) -> str:
        """Tell a node; return why it could not be told, or nothing."""


class Nobody:
    """Tells nobody."""

    def to_deciders(self, job_id: int) -> str:  # noqa: ARG002 - the seam's
        """Do nothing."""
        return ""

    def to_node(self, job_id: int, node: str) -> str:  # noqa: ARG002 - the seam's
        """Do nothing."""
        return ""


@functools.cache
def courier_of(url: str | None) -> Courier:
    """Return who tells others by a broker, or nobody where there is none.

    :raises InvalidSettings: what speaks to it is not installed.
    """
    if not url:
        return Nobody()
    try:
        from forge_events.broker.courier import CeleryCourier
    except ModuleNotFoundError as error:
        reason = f"the package {error.name} is missing; pip install 'forge-events[celery]' brings it"
        raise InvalidSettings("FORGE_EVENTS_BROKER_URL", reason) from None
    return CeleryCourier(url)


def tell(courier: Courier, job: Job) -> None:
    """Tell those whom a job concerns now; a line in the log says why that could not be done."""
    if job.status.is_final:
        return
    node = job.execution_node
    trouble = courier.to_deciders(job.id) if node is None else courier.to_node(job.id, node)
    if trouble:
        _LOG.warning("job %d is %s; %s: a dispatcher finds it within some seconds", job.id, job.status, trouble)
