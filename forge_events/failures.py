# SPDX-License-Identifier: Apache-2.0
"""Say why a job failed: each host and item that did, together with the others that say the same. Pure.

What somebody ignored or rescued is no cause, nor is the result of a loop whose items say it themselves.
"""

from __future__ import annotations

import difflib
import json
import shlex
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.output import to_text
from forge_events.rollup import is_tolerated, late_failures, rolls_up
from forge_events.tasks import outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from forge_events.events import JobEvent
    from forge_events.jobs import Job

__all__ = ["Cause", "Detail", "Failure", "advice", "as_object", "causes", "message_of"]

_FINAL = ("runner_on_failed", "runner_on_unreachable")
_ITEM = "runner_item_on_failed"
_LINES = 8
_LONGEST = 4000
_MOST_LIMITED = 20
_VAGUE = ("non-zero return code", "MODULE FAILURE", "Module result deserialization failed")
_OUTPUTS = (("stderr", "stderr"), ("stderr", "module_stderr"), ("stdout", "stdout"), ("stdout", "module_stdout"))


class Failure(NamedTuple):
    """A host that failed, or one item of a loop on it.

    :param item: the item as Ansible shows it; empty where there was no loop.
    :param counter: the number of the event that tells of it.
    """

    host: str
    item: str
    counter: int


class Detail(NamedTuple):
    """What a result says beside its message.

    :param kind: ``stderr``, ``stdout`` or ``diff``; empty where there is nothing.
    :param text: the end of it, some lines.
    """

    kind: str = ""
    text: str = ""


class Cause(NamedTuple):
    """Failures of one task that say the same.

    :param path: where the task stands, as ``file:line``.
    :param outcome: ``failed`` or ``unreachable``.
    :param message: as text, of the first host; what others say may differ by their own names alone.
    :param failures: by counter, one at the least.
    """

    task: str
    role: str
    play: str
    path: str
    action: str
    outcome: str
    message: str
    detail: Detail
    failures: list[Failure]

    @property
    def hosts(self) -> list[str]:
        """The hosts, each once, in the order in which they failed."""
        return list(dict.fromkeys(failure.host for failure in self.failures))


def causes(events: Iterable[JobEvent]) -> list[Cause]:
    """Return why a job failed, what came first first.

    :param events: those of one job that failed, by counter; others among them say nothing.
    """
    found: dict[tuple[str, ...], Cause] = {}
    for event in _causing(events):
        cause = _cause_of(event)
        key = _key(cause, event)
        found.setdefault(key, cause)
        if found[key] is not cause:
            found[key].failures.extend(cause.failures)
    return list(found.values())


def message_of(result: Any) -> str:
    """Return what a task's result says of how it went, as text."""
    if not isinstance(result, dict):
        return _text(result)
    if "censored" in result:
        return _text(result["censored"])
    message = _text(result.get("msg"))
    assertion = result.get("assertion")
    return f"{message}: {_text(assertion)}" if message and assertion else message or _text(result.get("reason"))


def advice(job: Job, hosts: Sequence[str]) -> str:
    """Return the command that does again what failed; empty where nobody knows one.

    :param hosts: those that failed.
    """
    if job.is_launched:
        return f"forge-events relaunch {job.id} --failed-hosts"
    program = PurePath(job.command[0]).name if job.command else ""
    if program != "ansible-playbook" or not 0 < len(hosts) <= _MOST_LIMITED:
        return ""
    return shlex.join([*job.command, "--limit", ",".join(hosts)])


def as_object(cause: Cause) -> dict[str, Any]:
    """Return a cause as JSON has it."""
    failures = [failure._asdict() for failure in cause.failures]
    return {**cause._asdict(), "detail": cause.detail._asdict(), "failures": failures, "hosts": cause.hosts}


def _causing(events: Iterable[JobEvent]) -> Iterator[JobEvent]:
    """Yield the events that made their job fail, each host and item once."""
    told = list(events)
    late = {uuid for event in told for uuid in late_failures(event.event, event.event_data)}
    items: dict[tuple[str | None, str], list[JobEvent]] = {}
    for event in told:
        place = (event.parent_uuid, event.host_name)
        if event.event == _ITEM:
            items.setdefault(place, []).append(event)
        elif event.event in _FINAL:
            below = items.pop(place, [])
            if _counts(event, late):
                yield from below or [event]
    # What is left has no result: its job was ended, or it is still running.
    for below in items.values():
        yield from (event for event in below if rolls_up(event.event, event.event_data))


def _counts(event: JobEvent, late: set[str]) -> bool:
    if is_tolerated(event.event_data) or outcome_of(event) not in ("failed", "unreachable"):
        return False
    return rolls_up(event.event, event.event_data) or event.parent_uuid in late


def _cause_of(event: JobEvent) -> Cause:
    data = event.event_data
    result = data.get("res")
    message = message_of(result) or _first_output(event)
    return Cause(
        task=event.task or str(data.get("task_action") or ""),
        role=event.role,
        play=event.play,
        path=str(data.get("task_path") or ""),
        action=str(data.get("resolved_action") or data.get("task_action") or ""),
        outcome="unreachable" if event.event == "runner_on_unreachable" else "failed",
        message=message,
        detail=_detail_of(result, message),
        failures=[Failure(event.host_name, _item(event), event.counter)],
    )


def _key(cause: Cause, event: JobEvent) -> tuple[str, ...]:
    """Return by what failures are the same: all that is told of them, whatever their hosts are called."""
    told = (cause.message, cause.detail.text)
    for name in (event.host_name, event.event_data.get("remote_addr")):
        if isinstance(name, str) and name:
            told = (told[0].replace(name, "\0"), told[1].replace(name, "\0"))
    return (cause.task, cause.path, cause.play, cause.outcome, *told)


def _item(event: JobEvent) -> str:
    result = event.event_data.get("res")
    if event.event != _ITEM or not isinstance(result, dict) or "censored" in result:
        return ""
    label = result.get("_ansible_item_label")
    return _text(result.get(str(result.get("ansible_loop_var") or "item")) if label is None else label)


def _detail_of(result: Any, message: str) -> Detail:
    """Return what helps where the message does not: a difference, or the end of what was printed."""
    if not isinstance(result, dict) or "censored" in result:
        return Detail()
    difference = _difference(result.get("diff"))
    if difference:
        return Detail("diff", _end(difference))
    for kind, key in _OUTPUTS:
        text = _text(result.get(key))
        if text and text not in message and (kind == "stderr" or message.startswith(_VAGUE)):
            return Detail(kind, _end(text))
    return Detail()


def _difference(found: Any) -> str:
    """Return a difference as Ansible's modules describe it, as a unified one."""
    if isinstance(found, list):
        return "\n".join(text for text in map(_difference, found) if text)
    if not isinstance(found, dict):
        return ""
    if isinstance(found.get("prepared"), str):
        return _text(found["prepared"])
    before, after = (_text(found.get(side)).splitlines() for side in ("before", "after"))
    names = [_text(found.get(f"{side}_header")) or side for side in ("before", "after")]
    return "\n".join(difflib.unified_diff(before, after, names[0], names[1], n=1, lineterm=""))


def _first_output(event: JobEvent) -> str:
    return _text("".join(to_text([event.stdout])))


def _text(value: Any) -> str:
    """Return a value as people read it: text without commands to the terminal, anything else as JSON."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return "\n".join("".join(to_text([text[:_LONGEST]])).splitlines()).strip()


def _end(text: str) -> str:
    return "\n".join(text.splitlines()[-_LINES:])
