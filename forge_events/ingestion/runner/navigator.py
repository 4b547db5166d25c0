# SPDX-License-Identifier: Apache-2.0
"""The artifact of an ansible-navigator playbook: one JSON file of plays, their tasks by host, and the output. Pure.

It has one entry for each host and task: what runner said when the host began, overwritten by what it said of the
result. Loop items, attempts, notifications, includes and statistics are not in it, nor to which event a line of output
belongs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from forge_events.ingestion.runner.events import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["is_navigator", "messages"]

_RESULTS = {
    "ok": "runner_on_ok",
    "changed": "runner_on_ok",
    "failed": "runner_on_failed",
    "ignored": "runner_on_failed",
    "skipped": "runner_on_skipped",
    "unreachable": "runner_on_unreachable",
}
_LINES = 1000
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def is_navigator(value: Any) -> bool:
    """Return whether a JSON value is such an artifact, of the versions 1 and 2."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("plays"), list)
        and isinstance(value.get("stdout"), list)
        and str(value.get("version", "")).partition(".")[0] in {"1", "2"}
    )


def messages(artifact: Mapping[str, Any], ident: str, written: str) -> Iterator[dict[str, Any]]:
    """Yield the messages of runner that an artifact is left of.

    :param written: the time for what has none.
    """
    playbook = _playbook(artifact)
    yield {"status": "starting", "command": ["ansible-navigator", "run", *([playbook] if playbook else [])]}
    found = _Events(ident, written)
    plays = [play for play in artifact["plays"] if isinstance(play, dict)]
    first = plays[0] if plays else {}
    found.created = next((time for play in plays for entry in _tasks(play) if (time := entry.get("start"))), written)
    root = {"playbook": text_of(first.get("playbook")) or playbook, "playbook_uuid": first.get("playbook_uuid")}
    yield found.event("playbook_on_start", root)
    yield from _output(artifact["stdout"], found)
    for play in plays:
        yield from _play(play, found)
    yield _end(artifact, plays)


class _Events:
    """Numbers events; one that has no time has that of the one before."""

    def __init__(self, ident: str, created: str) -> None:
        self._ident = ident
        self.created = created
        self._counter = 0

    def event(self, event: str, data: Mapping[str, Any], time: Any = None, stdout: str = "") -> dict[str, Any]:
        self._counter += 1
        self.created = time if isinstance(time, str) else self.created
        return {
            "event": event,
            "uuid": text_of(data.get("uuid")) or f"{self._ident}-{self._counter}",
            "counter": self._counter,
            "created": self.created,
            "runner_ident": self._ident,
            "stdout": stdout,
            "event_data": {key: value for key, value in data.items() if not key.startswith("__") and key != "tasks"},
        }


def _play(play: Mapping[str, Any], found: _Events) -> Iterator[dict[str, Any]]:
    yield found.event("playbook_on_play_start", play, next((e.get("start") for e in _tasks(play)), None))
    known: set[str] = set()
    for entry in _tasks(play):
        task_uuid = text_of(entry.get("task_uuid"))
        name = text_of(entry.get("__task")) or text_of(entry.get("task"))
        begun = {key: entry[key] for key in entry if key not in ("res", "uuid", "end", "duration")}
        if task_uuid not in known:
            known.add(task_uuid)
            role = text_of(entry.get("role"))
            named = {**begun, "name": f"{role} : {name}" if role else name}
            yield found.event("playbook_on_task_start", named, entry.get("start"))
        yield found.event("runner_on_start", begun, entry.get("start"))
        result = text_of(entry.get("__result")).lower()
        if result in _RESULTS:
            data = {**entry, "ignore_errors": True} if result == "ignored" else entry
            yield found.event(_RESULTS[result], data, entry.get("end"))


def _tasks(play: Mapping[str, Any]) -> list[dict[str, Any]]:
    tasks = play.get("tasks")
    return [entry for entry in tasks if isinstance(entry, dict)] if isinstance(tasks, list) else []


def _output(lines: list[Any], found: _Events) -> Iterator[dict[str, Any]]:
    for start in range(0, len(lines), _LINES):
        text = "\n".join(text_of(line) for line in lines[start : start + _LINES])
        yield found.event("verbose", {"lost": "event"}, stdout=text)


def _playbook(artifact: Mapping[str, Any]) -> str:
    """Return the playbook as it was asked for, which newer artifacts say."""
    found: Any = artifact.get("settings_entries")
    for key in ("ansible-navigator", "ansible", "playbook", "path"):
        found = found.get(key) if isinstance(found, dict) else None
    return text_of(found)


def _end(artifact: Mapping[str, Any], plays: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the status; navigator writes its own word over it where it saw a warning on the way.

    What failed without a host that did could not be run, and says so in its last line.
    """
    status = text_of(artifact.get("status"))
    status = {"ERROR": "failed", "WARNINGS": "successful"}.get(status, status)
    results = {text_of(entry.get("__result")).lower() for play in plays for entry in _tasks(play)}
    if status != "failed" or results & {"failed", "unreachable"}:
        return {"status": status}
    shown = [line for line in artifact["stdout"] if isinstance(line, str) and line.strip()]
    return {"status": "error", "job_explanation": _COLOUR.sub("", shown[-1]) if shown else ""}
