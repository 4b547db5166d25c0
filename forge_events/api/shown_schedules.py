# SPDX-License-Identifier: Apache-2.0
"""Schedules as they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.api.related import brief, found_by_id
from forge_events.api.wire import time_of
from forge_events.errors import InvalidRecurrence
from forge_events.recurrences import Recurrence
from forge_events.recurrences.instants import instant_of

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from forge_events.api.calls import Call

__all__ = ["show_schedules"]

_CONSTANT = {"inventory": None, "scm_branch": None, "execution_environment": None, "job_slice_count": None}


def show_schedules(call: Call, rows: Sequence[dict[str, Any]], *, is_detail: bool = False) -> list[dict[str, Any]]:
    """Return schedules; who may not change them sees no values of extra variables."""
    del is_detail
    templates = found_by_id(call, "job_template", (row["unified_job_template"] for row in rows))
    return [_schedule(call, row, templates.get(row["unified_job_template"])) for row in rows]


def _schedule(call: Call, row: dict[str, Any], template: dict[str, Any] | None) -> dict[str, Any]:
    url, is_admin = f"/api/v2/schedules/{row['id']}/", call.principal.is_admin
    related = {name: f"{url}{name}/" for name in ("credentials", "labels", "instance_groups")}
    related |= {"unified_jobs": f"{url}jobs/"}
    summary: dict[str, Any] = {"user_capabilities": {"edit": is_admin, "delete": is_admin}}
    if template is not None:
        related["unified_job_template"] = f"/api/v2/job_templates/{template['id']}/"
        summary["unified_job_template"] = {**brief(template), "unified_job_type": "job"}
    return {
        "rrule": row["rrule"],
        "id": row["id"],
        "type": "schedule",
        "url": url,
        "related": related,
        "summary_fields": summary,
        "created": time_of(row["created"]),
        "modified": time_of(row["modified"]),
        "name": row["name"],
        "description": row["description"],
        **_prompted(row["fields"], is_admin=is_admin),
        "unified_job_template": row["unified_job_template"],
        "enabled": row["enabled"],
        **_times(row["rrule"]),
        "next_run": time_of(row["next_run"]),
    }


def _prompted(fields: dict[str, Any], *, is_admin: bool) -> dict[str, Any]:
    """Return what a schedule sets, in AWX's words; null is left to the template."""
    tags = {name: ",".join(fields[ours]) if ours in fields else None for name, ours in _TAGS.items()}
    return {
        "extra_data": fields.get("extra_vars", {}) if is_admin else {},
        **_CONSTANT,
        "job_type": ("check" if fields["check"] else "run") if "check" in fields else None,
        **tags,
        "diff_mode": fields.get("diff"),
        **{name: fields.get(name) for name in ("limit", "verbosity", "forks", "timeout")},
    }


_TAGS = {"job_tags": "tags", "skip_tags": "skip_tags"}


def _times(rrule: str) -> dict[str, Any]:
    """Return when a rule begins and ends; nothing of one that cannot be read any more."""
    try:
        found = Recurrence.parse(rrule)
    except InvalidRecurrence:
        return {"dtstart": None, "dtend": None, "timezone": "", "until": ""}
    ends = [_end(rule.until, found) for rule in found.rules]
    last = max((end for end in ends if end is not None), default=None) if None not in ends else None
    until = next((rule.until for rule in found.rules if rule.until is not None and rule.count is None), None)
    local = _end(until, found)
    return {
        "dtstart": time_of(instant_of(found.start, found.zone)),
        "dtend": time_of(last),
        "timezone": found.zone.key,
        "until": f"{local.astimezone(found.zone):%Y-%m-%dT%H:%M:%S}" if local else "",
    }


def _end(until: datetime.datetime | None, found: Recurrence) -> datetime.datetime | None:
    return until if until is None or until.tzinfo is not None else instant_of(until, found.zone)
