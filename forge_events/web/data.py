# SPDX-License-Identifier: Apache-2.0
"""What the scripts of a job's page ask for while somebody looks: tasks, what is below them, lines, and searches."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from forge_events.events import EventFilter
from forge_events.output import to_styled_lines
from forge_events.store.lines import LineFilter
from forge_events.tasks import OUTCOMES, counted, outcome_of
from forge_events.web.site import NotThere, as_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from forge_events.events import JobEvent
    from forge_events.tasks import JobTask
    from forge_events.web.site import Site, Visit

__all__ = ["Data"]

_WINDOW, _LONGEST = 2000, 4000
_NAMES, _BELOW = 5, 500
_DEEP = 200_000
_IGNORED = "...ignoring"


class Data:
    """Answers the scripts."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        answers = {
            "tasks": _tasks,
            "results": _results,
            "event": _event,
            "lines": _lines,
            "spans": _spans,
            "find": _find,
        }
        return [
            self._site.looks(f"/jobs/{{job_id:int}}/{name}.json", partial(_answered, answer))
            for name, answer in answers.items()
        ]


def _answered(answer: Callable[[Visit], Any], visit: Visit) -> Response:
    return as_json(answer(visit))


def _tasks(visit: Visit) -> Any:
    """Return the tasks of a job, on all hosts or on one: all, or those that something has come of behind a counter."""
    job = visit.job()
    tasks = visit.store.tasks(job.id)
    host, since = visit.asked("host"), visit.number("since")
    if host:
        tasks = _of_host(visit, job.id, tasks, host)
    return {
        "event_count": job.event_count,
        "status": job.status.value,
        "is_final": job.status.is_final,
        "line_count": visit.store.lines.count(job.id),
        "tasks": [_task(task) for task in tasks if task.last_counter > since],
    }


def _of_host(visit: Visit, job_id: int, tasks: list[JobTask], host: str) -> list[JobTask]:
    """Return the tasks that one host began, with its results alone."""
    for task in tasks:
        for name in OUTCOMES:
            setattr(task, name, 0)
        task.running, task.duration = [], None
    return sorted(
        counted(tasks, list(visit.store.events(job_id, EventFilter(host=host), limit=_DEEP))),
        key=lambda task: task.counter,
    )


def _task(task: JobTask) -> dict[str, Any]:
    return {
        "counter": task.counter,
        "uuid": task.uuid,
        "play_uuid": task.play_uuid,
        "play": _plain(task.play),
        "role": _plain(task.role),
        "name": _plain(task.name),
        "action": _plain(task.action),
        "path": _plain(task.path),
        "is_handler": task.is_handler,
        "start": task.start_line,
        "end": task.end_line,
        "seconds": max(0.0, (task.ended - task.started).total_seconds()),
        "started": task.started.isoformat(),
        "slowest": task.duration,
        "counts": {name: getattr(task, name) for name in OUTCOMES if getattr(task, name)},
        "running": [_plain(host) for host in task.running[:_NAMES]],
        "running_count": len(task.running),
    }


def _results(visit: Visit) -> Any:
    """Return what is below a task: its hosts, their items and attempts."""
    job = visit.job()
    task = next((found for found in visit.store.tasks(job.id) if found.counter == visit.number("task")), None)
    if task is None:
        raise NotThere("There is no such task.")
    found = visit.store.lines.below(job.id, task, host=visit.asked("host"), limit=_BELOW + 1)
    return {"results": [_result(event) for event in found[:_BELOW]], "has_more": len(found) > _BELOW}


def _result(event: JobEvent) -> dict[str, Any]:
    data = event.event_data
    found = data.get("res")
    result: dict[str, Any] = found if isinstance(found, dict) else {}
    is_item = event.event.startswith("runner_item_")
    return {
        "counter": event.counter,
        "host": _plain(event.host_name),
        "delegated": _plain(str(data.get("delegated_host") or "")),
        "event": event.event,
        "outcome": "retry" if event.event == "runner_retry" else _outcome(event),
        "is_item": is_item,
        "item": _plain(_item(result)) if is_item else "",
        "seconds": data.get("duration") if isinstance(data.get("duration"), (int, float)) else None,
        "message": _plain(_message(result))[:300],
        "has_diff": bool(result.get("diff")),
        "start": event.start_line,
    }


def _outcome(event: JobEvent) -> str:
    kinds = {"runner_item_on_ok": "ok", "runner_item_on_skipped": "skipped", "runner_item_on_failed": "failed"}
    if event.event in kinds:
        return "changed" if event.changed else kinds[event.event]
    return outcome_of(event)


def _item(result: dict[str, Any]) -> str:
    label = result.get("_ansible_item_label", result.get(result.get("ansible_loop_var") or "item", ""))
    return label if isinstance(label, str) else json.dumps(label)


def _message(result: dict[str, Any]) -> str:
    for key in ("msg", "stderr", "stdout", "censored"):
        value = result.get(key)
        if value:
            return value if isinstance(value, str) else json.dumps(value)
    return ""


def _event(visit: Visit) -> Any:
    """Return one event: its lines, its diff, and all that it tells, as JSON."""
    job, counter = visit.job(), visit.number("counter")
    event = next(iter(visit.store.events(job.id, EventFilter(), after=counter - 1, limit=1)), None)
    if event is None or event.counter != counter:
        raise NotThere("There is no such event.")
    result = event.event_data.get("res")
    return {
        "counter": event.counter,
        "event": event.event,
        "start": event.start_line,
        "end": event.end_line,
        "created": event.created.isoformat(),
        "diff": _diff(result.get("diff")) if isinstance(result, dict) else "",
        "json": _pretty(result if isinstance(result, dict) else event.event_data),
    }


def _diff(diff: Any) -> str:
    """Return a diff as text: Ansible's own where it has prepared one, else what was before and is now."""
    texts = []
    for one in diff if isinstance(diff, list) else [diff]:
        if not isinstance(one, dict):
            continue
        if isinstance(one.get("prepared"), str):
            texts.append(one["prepared"])
        elif "before" in one or "after" in one:
            texts.append(_unified(one))
    return "\n".join(_shown(text) for text in texts)[:_DEEP]


def _unified(one: dict[str, Any]) -> str:
    import difflib

    sides = [one.get(name, "") for name in ("before", "after")]
    texts = [side if isinstance(side, str) else json.dumps(side, indent=2, sort_keys=True) for side in sides]
    names = [str(one.get(f"{name}_header") or name) for name in ("before", "after")]
    before, after = (text.splitlines() for text in texts)
    return "\n".join(difflib.unified_diff(before, after, names[0], names[1], lineterm=""))


def _pretty(value: Any) -> str:
    return _shown(json.dumps(value, indent=2, ensure_ascii=False))[:_DEEP]


def _lines(visit: Visit) -> Any:
    """Return lines of the output, each as it is shown, and which events they are of."""
    job = visit.job()
    start = visit.number("start")
    end = min(visit.number("end"), start + _WINDOW)
    lines: list[str] = []
    events: list[list[Any]] = []
    for event in visit.store.lines.window(job.id, start, end):
        shown = to_styled_lines(event.stdout)
        # A line that several events share is written by all of them.
        while start + len(lines) < event.start_line:
            lines.append("")
        for number, line in enumerate(shown, start=event.start_line):
            place = number - start
            if 0 <= place < end - start:
                lines[place : place + 1] = [(lines[place] if place < len(lines) else "") + _cut(line)]
        is_bad = event.failed and event.host_name != "" and _IGNORED not in event.stdout
        events.append([event.counter, event.start_line, event.end_line, is_bad])
    return {"start": start, "lines": lines, "events": events, "total": visit.store.lines.count(job.id)}


def _spans(visit: Visit) -> Any:
    """Return which lines are left of a filter."""
    wanted = LineFilter(*(visit.asked(name) for name in ("host", "outcome", "task", "text")))
    job = visit.job()
    found = visit.store.lines.spans(job.id, wanted)
    return {"spans": [edge for span in found for edge in span], "event_count": job.event_count}


def _find(visit: Visit) -> Any:
    """Return lines with a text: behind a line or a counter, or before one."""
    job, text = visit.job(), visit.asked("text")
    if not text:
        return {"lines": [], "following": None}
    lines, is_backwards = visit.store.lines, visit.asked("backwards") == "1"
    edge = visit.number("from", -1)
    if edge < 0:
        edge = lines.counter_at(job.id, visit.number("line")) or (job.event_count + 1)
        edge -= 0 if is_backwards else 1
    hits = lines.find(job.id, text, before=edge) if is_backwards else lines.find(job.id, text, after=edge)
    return {"lines": hits.lines, "following": hits.following}


def _plain(text: str) -> str:
    return " ".join(to_styled_lines(text.replace("\x1b", "\N{REPLACEMENT CHARACTER}"))) if text else ""


def _shown(text: str) -> str:
    return "\n".join(to_styled_lines(text.replace("\x1b", "\N{REPLACEMENT CHARACTER}")))


def _cut(line: str) -> str:
    if len(line) <= _LONGEST:
        return line
    return f"{line[:_LONGEST]}\x1b[0m\N{HORIZONTAL ELLIPSIS} {len(line) - _LONGEST:,} more characters"
