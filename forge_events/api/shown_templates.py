# SPDX-License-Identifier: Apache-2.0
"""Job templates as they are sent, and what a launch of them may be given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge_events.api.related import brief, summaries_of
from forge_events.api.shown_objects import PLACES, named
from forge_events.api.table import ASKS
from forge_events.api.wire import dumped, time_of
from forge_events.queries import Condition, Order, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.api.calls import Call

__all__ = ["ASKED", "asks_of", "show_templates", "values_of"]

ASKED = {
    "diff_mode": "diff",
    "variables": "extra_vars",
    "limit": "limit",
    "tags": "tags",
    "skip_tags": "skip_tags",
    "job_type": "check",
    "verbosity": "verbosity",
    "inventory": "inventory",
    "execution_environment": "execution_environment",
    "forks": "forks",
    "timeout": "timeout",
}
"""What AWX asks at a launch, and what a launch of ours calls it."""

_CONSTANT: dict[str, Any] = {
    "scm_branch": "",
    "force_handlers": False,
    "start_at_task": "",
    "use_fact_cache": False,
    "host_config_key": "",
    "survey_enabled": False,
    "become_enabled": False,
    "custom_virtualenv": None,
    "job_slice_count": 1,
    "webhook_service": "",
    "webhook_credential": None,
    "prevent_instance_group_fallback": False,
}
_RELATED = ("jobs", "schedules", "activity_stream", "launch", "webhook_key", "notification_templates_started",
            "notification_templates_success", "notification_templates_error", "access_list", "survey_spec", "labels",
            "object_roles", "instance_groups", "slice_workflow_jobs", "copy", "credentials")  # fmt: skip
_RECENT = 10


def show_templates(call: Call, rows: Sequence[dict[str, Any]], *, is_detail: bool = False) -> list[dict[str, Any]]:
    """Return job templates; who may not change them sees no values of extra variables."""
    names = ("organization", "inventory", "project", "execution_environment", "created_by", "modified_by")
    summaries = summaries_of(call, rows, names)
    labels = call.store.catalogue.labels_of("job_template", [row["id"] for row in rows])
    found = []
    for row, summary in zip(rows, summaries, strict=True):
        summary |= {"labels": labels[row["id"]], "credentials": []}
        found.append(_template(call, row, summary, _recent(call, row["id"])))
    del is_detail
    return found


def values_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return what may be given of a template: as it was given, and else as what it runs has it."""
    launch, given = row["launch"], row["given"] or {}
    found = {
        "job_type": "check" if launch["check"] else "run",
        "inventory": row["inventory"],
        "project": row["project"],
        "playbook": launch["playbook"] if row["project"] else _shown_playbook(launch),
        "execution_environment": row["execution_environment"],
        "limit": launch["limit"] or "",
        "forks": launch["forks"] or 0,
        "verbosity": min(launch["verbosity"], 5),
        "extra_vars": dumped(launch["extra_vars"]) if launch["extra_vars"] else "",
        "job_tags": ",".join(launch["tags"]),
        "skip_tags": ",".join(launch["skip_tags"]),
        "timeout": int(launch["timeout"] or 0),
        "diff_mode": launch["diff"],
        "allow_simultaneous": row["allow_simultaneous"],
        **_CONSTANT,
        **asks_of(row),
    }
    return {name: given.get(name, value) for name, value in found.items()} | {
        name: found[name] for name in ("inventory", "project", "execution_environment", "allow_simultaneous")
    }


def asks_of(row: dict[str, Any]) -> dict[str, bool]:
    """Return what a template asks at each launch."""
    given = row["given"] or {}
    asked = {f"ask_{name}_on_launch": ours in row["ask"] for name, ours in ASKED.items()}
    return {name: asked.get(name, bool(given.get(name))) for name in ASKS}


def _shown_playbook(launch: dict[str, Any]) -> str:
    return str(Path(launch["project"] or "/", launch["playbook"]))


def _recent(call: Call, template_id: int) -> list[dict[str, Any]]:
    mine = Condition("job_template", "exact", template_id)
    query = Query(every=(mine,), order=(Order("id", is_descending=True),), limit=_RECENT, is_counted=False)
    return call.store.find("job", query).rows


def _template(
    call: Call, row: dict[str, Any], summary: dict[str, Any], recent: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    url = f"/api/v2/job_templates/{row['id']}/"
    is_admin = call.principal.is_admin
    summary["user_capabilities"] = dict.fromkeys(("edit", "delete", "start", "schedule", "copy"), is_admin)
    summary["object_roles"] = {}
    summary["recent_jobs"] = [_recent_job(job) for job in recent]
    if recent:
        last = {name: recent[0][name] for name in ("status", "failed")}
        last |= {name: time_of(recent[0][name]) for name in ("finished", "canceled_on")}
        summary["last_job"] = {**brief(recent[0]), **last}
    values = values_of(row)
    if not is_admin:
        values["extra_vars"] = ""
    return {
        "id": row["id"],
        "type": "job_template",
        "url": url,
        "related": _related(url, row, summary, recent),
        "summary_fields": summary,
        "created": time_of(row["created"]),
        "modified": time_of(row["modified"]),
        "name": row["name"],
        "description": row["description"],
        **values,
        "organization": 1,
        "last_job_run": time_of(recent[0]["finished"]) if recent else None,
        "last_job_failed": bool(recent[0]["failed"]) if recent else False,
        "next_job_run": None,
        "status": recent[0]["status"] if recent else "never updated",
    }


def _recent_job(job: dict[str, Any]) -> dict[str, Any]:
    times = {name: time_of(job[name]) for name in ("finished", "canceled_on")}
    return {"id": job["id"], "status": job["status"], **times, "type": "job"}


def _related(
    url: str, row: dict[str, Any], summary: dict[str, Any], recent: Sequence[dict[str, Any]]
) -> dict[str, str]:
    related = {name: f"{url}{name}/" for name in _RELATED}
    related["webhook_receiver"] = ""
    related["named_url"] = f"/api/v2/job_templates/{named(row['name'], 'job_template')}/"
    for name in ("organization", "inventory", "project", "execution_environment", "created_by", "modified_by"):
        if name in summary:
            related[name] = f"/api/v2/{PLACES['user' if name.endswith('_by') else name]}/{row[name]}/"
    if recent:
        related["last_job"] = f"/api/v2/jobs/{recent[0]['id']}/"
    return related
