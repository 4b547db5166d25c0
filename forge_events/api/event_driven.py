# SPDX-License-Identifier: Apache-2.0
"""Launches by ansible-rulebook, which sends an event again when an answer was lost: one event is one job.

Its action ``run_job_template`` tells of what it acts on in the extra variable ``ansible_eda``: ruleset, rule, and the
event with a uuid, or several of them. Where all of that is the same, so is the job, as long as it is active or was
successful; when it ended otherwise, the rulebook's own retries get a new one.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.errors import InvalidLaunch, UnknownJob
from forge_events.inventories import mapping_of
from forge_events.jobs import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.store import Store

__all__ = ["EventDriven", "event_driven"]

_ATTEMPTS = 1000
_SHOWN = 200


class EventDriven(NamedTuple):
    """A launch by a rule.

    :param job_uuid: the uuid of its job, whether there is that job already or not.
    :param by: which rule it is, in words.
    """

    job_uuid: str
    by: str


def event_driven(store: Store, template_id: int, body: dict[str, Any]) -> EventDriven | None:
    """Return what is to be known of a launch by a rule; None for any other one."""
    told = _told(body.get("extra_vars"))
    uuids = sorted(_uuids(told))
    if not uuids:
        return None
    same = [template_id, uuids, str(told.get("ruleset")), str(told.get("rule")), body]
    digest = hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()
    by = f"rule {told.get('rule')} of ruleset {told.get('ruleset')}"[:_SHOWN]
    return EventDriven(_free(store, digest), by)


def _free(store: Store, digest: str) -> str:
    """Return the uuid of the job that there is, or of the next attempt where the last one went wrong."""
    for attempt in range(_ATTEMPTS):
        found = str(uuid.uuid5(uuid.NAMESPACE_URL, f"forge-events:event-driven:{digest}:{attempt}"))
        try:
            job = store.job(found)
        except UnknownJob:
            return found
        if not job.status.is_final or job.status is JobStatus.SUCCESSFUL:
            return found
    return found


def _told(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        try:
            given = mapping_of(given)
        except (InvalidLaunch, ValueError):
            return {}
    found = given.get("ansible_eda") if isinstance(given, dict) else None
    return found if isinstance(found, dict) else {}


def _uuids(told: dict[str, Any]) -> Iterator[str]:
    several = told.get("events")
    for event in (told.get("event"), *(several.values() if isinstance(several, dict) else ())):
        meta = event.get("meta") if isinstance(event, dict) else None
        found = meta.get("uuid") if isinstance(meta, dict) else None
        if isinstance(found, str) and found:
            yield found
