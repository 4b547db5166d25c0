# SPDX-License-Identifier: Apache-2.0
"""Jobs, their events and their hosts as they are sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from forge_events.api.related import summaries_of
from forge_events.api.wire import dumped, time_of
from forge_events.events import EventFilter
from forge_events.hierarchy import EVENTS
from forge_events.jobs import RECORDED, JobStatus
from forge_events.queries import Condition, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.api.calls import Call

__all__ = ["ENCRYPTED", "event_shown", "show_events", "show_jobs", "show_summaries"]

ENCRYPTED = "$encrypted$"
_ALWAYS: dict[str, Any] = {
    "controller_node": "",
    "work_unit_id": None,
    "scm_branch": "",
    "force_handlers": False,
    "start_at_task": "",
    "use_fact_cache": False,
    "passwords_needed_to_start": [],
    "scm_revision": "",
    "instance_group": None,
    "job_slice_number": 0,
    "job_slice_count": 1,
    "webhook_service": "",
    "webhook_credential": None,
    "webhook_guid": "",
}
_RELATED = ("stdout", "job_events", "job_host_summaries", "labels", "credentials", "notifications", "activity_stream",
            "create_schedule", "cancel", "relaunch")  # fmt: skip
_SUMMARISED = ("organization", "inventory", "project", "execution_environment", "job_template", "created_by")
_SHORT, _MANY = 1023, 200_000
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_DISPLAY = {
    "runner_on_failed": "Host Failed",
    "runner_on_start": "Host Started",
    "runner_on_ok": "Host OK",
    "runner_on_skipped": "Host Skipped",
    "runner_on_unreachable": "Host Unreachable",
    "runner_on_async_poll": "Host Async Checking",
    "runner_on_async_ok": "Host Async OK",
    "runner_on_async_failed": "Host Async Failed",
    "runner_item_on_ok": "Item OK",
    "runner_item_on_failed": "Item Failed",
    "runner_item_on_skipped": "Item Skipped",
    "runner_retry": "Host Retry",
    "playbook_on_start": "Playbook Started",
    "playbook_on_notify": "Running Handlers",
    "playbook_on_include": "Including File",
    "playbook_on_no_hosts_matched": "No Hosts Matched",
    "playbook_on_no_hosts_remaining": "No Hosts Remaining",
    "playbook_on_task_start": "Task Started",
    "playbook_on_vars_prompt": "Variables Prompted",
    "playbook_on_play_start": "Play Started",
    "playbook_on_stats": "Playbook Complete",
}
_BUCKETS = ("skipped", "ok", "changed", "failures", "dark")


def show_jobs(call: Call, rows: Sequence[dict[str, Any]], *, is_detail: bool = False) -> list[dict[str, Any]]:
    """Return jobs; the values of extra variables are hidden from everybody."""
    summaries = summaries_of(call, rows, _SUMMARISED)
    labels = call.store.catalogue.labels_of("job", [row["id"] for row in rows])
    now = call.store.now() if any(row["status"] == JobStatus.RUNNING for row in rows) else None
    found = []
    for row, summary in zip(rows, summaries, strict=True):
        summary |= {"labels": labels[row["id"]], "credentials": []}
        found.append(_job(call, row, summary, now))
        if is_detail:
            found[-1] |= _details(call, row)
    return found


def _job(call: Call, row: dict[str, Any], summary: dict[str, Any], now: Any) -> dict[str, Any]:
    url = f"/api/v2/jobs/{row['id']}/"
    launch = row["launch"] or {}
    if "job_template" in summary:
        summary["unified_job_template"] = {**summary["job_template"], "unified_job_type": "job"}
    is_launched = row["launch_type"] != RECORDED
    summary["user_capabilities"] = {"delete": call.principal.is_admin, "start": call.principal.is_admin and is_launched}
    by = summary.get("created_by")
    variables = {**launch.get("extra_vars", {}), **launch.get("untrusted_vars", {})}
    return {
        **{name: row[name] for name in ("id", "name", "description", "launch_type", "status", "failed")},
        "type": "job",
        "url": url,
        "related": _related(url, row, summary),
        "summary_fields": summary,
        **{name: time_of(row[name]) for name in ("created", "modified", "started", "finished", "canceled_on")},
        "unified_job_template": row["unified_job_template"],
        "elapsed": _elapsed(row, now),
        "job_explanation": row["job_explanation"],
        "execution_node": row["execution_node"],
        "launched_by": {"id": by["id"], "name": by["username"], "type": "user", "url": f"/api/v2/users/{by['id']}/"}
        if by
        else {},
        **{name: row[name] for name in ("job_type", "playbook", "limit", "forks", "job_template", "organization")},
        **{name: row[name] for name in ("inventory", "project", "execution_environment")},
        "verbosity": min(row["verbosity"], 5),
        "timeout": int(row["timeout"]),
        "extra_vars": dumped(dict.fromkeys(variables, ENCRYPTED)),
        "job_tags": ",".join(launch.get("tags", [])),
        "skip_tags": ",".join(launch.get("skip_tags", [])),
        "allow_simultaneous": not row["queue"],
        "diff_mode": bool(launch.get("diff")),
        "artifacts": {},
        **_ALWAYS,
    }


def _related(url: str, row: dict[str, Any], summary: dict[str, Any]) -> dict[str, str]:
    related = {name: f"{url}{name}/" for name in _RELATED}
    lists = {"inventory": "inventories", "project": "projects", "execution_environment": "execution_environments"}
    for name, place in {**lists, "job_template": "job_templates", "organization": "organizations"}.items():
        if name in summary:
            related[name] = f"/api/v2/{place}/{row[name]}/"
    if "job_template" in summary:
        related["unified_job_template"] = related["job_template"]
    if "created_by" in summary:
        related["created_by"] = f"/api/v2/users/{row['created_by']}/"
    return related


def _elapsed(row: dict[str, Any], now: Any) -> float:
    if row["status"] == JobStatus.RUNNING and now is not None and row["started"] is not None:
        return float(max(0.0, (now - row["started"]).total_seconds()))
    return row["elapsed"] or 0.0


def _details(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    is_over = JobStatus(row["status"]).is_final
    command = row["command"] or []
    return {
        "job_args": dumped(command),
        "job_cwd": row["directory"] or "",
        "job_env": {},
        "result_traceback": "",
        # Who moves a job to its end has stored its events before.
        "event_processing_finished": is_over,
        "artifacts": _artifacts(call, row) if is_over else {},
        "host_status_counts": _host_counts(call, row["id"]),
        "playbook_counts": _playbook_counts(call, row),
        "custom_virtualenv": None,
    }


def _artifacts(call: Call, row: dict[str, Any]) -> Any:
    stats = call.store.last_events(row["id"], EventFilter(event="playbook_on_stats")) if row["event_count"] else []
    return stats[0].event_data.get("artifact_data") or {} if stats else {}


def _host_counts(call: Call, job_id: int) -> dict[str, int] | None:
    summaries = call.store.host_summaries(job_id)
    if not summaries:
        return None
    counts = dict.fromkeys(_BUCKETS, 0)
    for summary in summaries:
        last = [name for name in _BUCKETS if getattr(summary, name)]
        if last:
            counts[last[-1]] += 1
    return {name: number for name, number in counts.items() if number}


def _playbook_counts(call: Call, row: dict[str, Any]) -> dict[str, int]:
    if row["event_count"] > _MANY:
        return {}
    names = {"play_count": "playbook_on_play_start", "task_count": "playbook_on_task_start"}
    return {
        count: call.store.find(
            "job_event", Query(every=(Condition("event", "exact", event),), scope=(("job", row["id"]),), limit=0)
        ).total
        or 0
        for count, event in names.items()
    }


def show_events(call: Call, rows: Sequence[dict[str, Any]], *, is_detail: bool = False) -> list[dict[str, Any]]:
    """Return events of one job; in lists long output is cut."""
    job = call.store.job(str(rows[0]["job"]))
    said = {
        "id": job.id,
        "name": job.name,
        "description": "",
        "status": job.status,
        "failed": is_failed(job.status),
        "elapsed": job.elapsed or 0.0,
        "type": "job",
        "job_template_id": job.job_template_id,
        "job_template_name": job.name if job.job_template_id else None,
    }
    is_whole = is_detail or any(key == "no_truncate" for key, _ in call.parameters)
    return [event_shown(row, said, is_whole=is_whole) for row in rows]


def is_failed(status: str) -> bool:
    """Return what AWX calls failed: how a job ended, never what happened while it runs."""
    return status in (JobStatus.FAILED, JobStatus.ERROR, JobStatus.CANCELED)


def event_shown(row: dict[str, Any], job: dict[str, Any], *, is_whole: bool) -> dict[str, Any]:
    """Return an event as it is sent.

    :param row: its fields under the names of the table.
    :param job: what it says of its job.
    """
    url = f"/api/v2/job_events/{row['id']}/"
    level = EVENTS[row["event"]].level if row["event"] in EVENTS else 0
    same = ("event", "counter", "event_data", "failed", "changed", "uuid", "parent_uuid", "host_name", "playbook",
            "play", "task", "role", "start_line", "end_line", "verbosity")  # fmt: skip
    return {
        "id": row["id"],
        "type": "job_event",
        "url": url,
        "related": {"job": f"/api/v2/jobs/{row['job']}/", "children": f"{url}children/"},
        "summary_fields": {"job": job, "role": {}},
        "created": time_of(row["created"]),
        "modified": time_of(row["modified"]),
        "job": row["job"],
        **{name: row[name] for name in same},
        "event_display": _displayed(row),
        "event_level": level,
        "host": None,
        "stdout": _stdout(row, is_whole=is_whole),
    }


def _displayed(row: dict[str, Any]) -> str:
    task: str
    event, task, role = row["event"], row["task"], row["role"]
    if event == "playbook_on_play_start":
        return f"Play Started ({row['play']})" if row["play"] else "Play Started"
    if event == "playbook_on_task_start" and task:
        is_handler = bool(row["event_data"].get("is_conditional"))
        return f"{'Handler Notified' if is_handler else 'Task Started'} ({f'{role} | ' if role else ''}{task})"
    return _DISPLAY.get(event) or str(event).replace("_", " ").capitalize()


def _stdout(row: dict[str, Any], *, is_whole: bool) -> str:
    """Return the output as AWX has it: without the last line's end, lines ended as a terminal ends them."""
    text: str = row["stdout"]
    text = text.removesuffix("\n").removesuffix("\r")
    text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    if is_whole or len(text) <= _SHORT or row["event"].startswith("playbook_on_"):
        return text
    cut = text[:_SHORT]
    styles = [found.group() for found in _STYLE.finditer(cut)]
    is_open = len([style for style in styles if style not in ("\x1b[0m", "\x1b[m")])
    is_closed = len(styles) - is_open
    return f"{cut}…" + "\x1b[0m" * max(0, is_open - is_closed)


def show_summaries(call: Call, rows: Sequence[dict[str, Any]], *, is_detail: bool = False) -> list[dict[str, Any]]:
    """Return how hosts fared in jobs."""
    del is_detail
    jobs = {row["job"]: call.store.job(str(row["job"])) for row in rows}
    names = ("job", "host_name", "changed", "dark", "failures", "ok", "processed", "skipped", "ignored", "rescued")
    return [
        {
            "id": row["id"],
            "type": "job_host_summary",
            "url": f"/api/v2/job_host_summaries/{row['id']}/",
            "related": {"job": f"/api/v2/jobs/{row['job']}/"},
            "summary_fields": {
                "job": {
                    "id": row["job"],
                    "name": jobs[row["job"]].name,
                    "status": jobs[row["job"]].status,
                    "failed": is_failed(jobs[row["job"]].status),
                    "type": "job",
                }
            },
            "created": time_of(row["created"]),
            "modified": time_of(row["modified"]),
            **{name: row[name] for name in names},
            "host": None,
            "constructed_host": None,
            "failed": bool(row["failed"]),
        }
        for row in rows
    ]
