# SPDX-License-Identifier: Apache-2.0
"""One event as ansible-runner told it, and what is read off it: its play, its task, its result. Pure.

Every field has the type that it should have, whatever was in the message.
"""

from __future__ import annotations

import datetime
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events import values
from forge_events.events import MAX_PID, in_utc
from forge_events.hierarchy import EVENTS, Play, Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forge_events.hierarchy import Include

__all__ = [
    "LOST_OUTPUT",
    "MESSAGES",
    "OF_HOST",
    "NoEvent",
    "RunnerEvent",
    "base_uuid",
    "host_of",
    "is_censored",
    "is_core_action",
    "path_of",
    "play_of",
    "rc_of",
    "result_of",
    "stats_of",
    "task_of",
    "task_uuid_of",
    "text_of",
]

OF_HOST = frozenset(name for name, rule in EVENTS.items() if rule.level == 3)
"""The events of one host."""

MESSAGES = frozenset(name for name, rule in EVENTS.items() if rule.level == 0 and rule.parent)
"""The events that say something and belong to no play."""

LOST_OUTPUT = ("stdout",)
"""Of an event that runner never took from the process there is all but its output."""

_MAX = 2**63 - 1
_MAX_UUID = 1024
# runner numbers a play or task that Ansible announces again: its uuid, an underscore, 2.
_REPEATED = re.compile(r"(?:_\d+)+\Z")


class NoEvent(ValueError):
    """A message is no event of ansible-runner."""


class RunnerEvent(NamedTuple):
    """What ansible-runner told in one event.

    :param event: its name; empty where runner lost it.
    :param data: its ``event_data``; empty where runner lost or left it out.
    :param text: what the terminal showed for it, with the newlines that runner has cut off.
    :param created: ISO 8601, or None.
    :param lost: names what is not there of the event and was once.
    """

    event: str
    uuid: str
    parent_uuid: str
    counter: int
    data: Mapping[str, Any]
    text: str
    created: str | None
    verbosity: int
    pid: int | None
    ident: str
    lost: tuple[str, ...] = ()

    @classmethod
    def of(cls, message: Any) -> RunnerEvent:
        """Read an event from a message.

        :raises NoEvent: the message has no counter or no uuid.
        """
        if not isinstance(message, dict):
            raise NoEvent("it is no object")
        counter, uuid = _count(message.get("counter")), message.get("uuid")
        if not counter or not isinstance(uuid, str) or not uuid:
            raise NoEvent("it has no counter or no uuid")
        data = message.get("event_data")
        return cls(
            event=text_of(message.get("event")),
            uuid=uuid,
            parent_uuid=text_of(message.get("parent_uuid")),
            counter=counter,
            data=data if isinstance(data, dict) else {},
            text=_text(message),
            created=_time(message.get("created")),
            verbosity=_count(message.get("verbosity")) or 0,
            pid=_pid(message.get("pid")),
            ident=text_of(message.get("runner_ident")),
            lost=LOST_OUTPUT if message.get("lost") == LOST_OUTPUT else (),
        )


def base_uuid(uuid: str) -> str:
    """Return the uuid that Ansible gave, without the number that runner adds when it meets it again."""
    return _REPEATED.sub("", uuid) if len(uuid) <= _MAX_UUID else uuid


def text_of(value: Any) -> str:
    """Return a name that should be text; what is something else becomes its JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if value else ""


def rc_of(value: Any) -> int | None:
    """Return an exit code; None where a value cannot be one."""
    return value if type(value) is int and abs(value) < 2**31 else None


def _count(value: Any) -> int | None:
    # A bool is an int, too; its type tells it from one.
    return value if type(value) is int and 0 <= value <= _MAX else None


def _pid(value: Any) -> int | None:
    pid = _count(value)
    return pid if pid and pid <= MAX_PID else None


def _text(message: Mapping[str, Any]) -> str:
    r"""Return the output as it was before runner cut its newlines off and the terminal made ``\r\n`` of them."""
    stdout = message.get("stdout")
    if not isinstance(stdout, str):
        return ""
    start, end = _count(message.get("start_line")), _count(message.get("end_line"))
    inside = stdout.count("\n")
    # Of events that cannot be counted, the line is taken to be whole.
    missing = end - start - inside if start is not None and end is not None else bool(stdout)
    # Whoever wrote impossible numbers shall not make us fill the memory.
    return stdout.replace("\r\n", "\n") + "\n" * max(0, min(missing, 1000))


def _time(value: Any) -> str | None:
    """Return a time in UTC; None where there is none, or none that can be."""
    try:
        return in_utc(datetime.datetime.fromisoformat(value)).isoformat(timespec="microseconds")
    except (ValueError, TypeError):
        return None


_CORE_ACTIONS = frozenset({"gather_facts", "setup", "validate_argument_spec"})
# The last two are in what was exported from a store; ansible-runner has neither.
_CIRCUMSTANCES = ("check_mode", "delegated_host")
_RESULT_KEYS = ("remote_addr", "res", "start", "end", "duration", "ignore_errors", "jid", "diff", *_CIRCUMSTANCES)
_DETAILS = ("task_args", "resolved_action", "role", "resolved_role", "event_loop")
_STATS = ("changed", "dark", "failures", "ignored", "ok", "processed", "rescued", "skipped")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# As the default callback begins a line: the word for what came of it, and in brackets the host and the other one.
_SHOWN_HOSTS = re.compile(r"^[a-z]+: \[(\S+) -> ([^\]\s(]+)(?:\([^)\s]*\))?\]", re.MULTILINE)
_SHOWN_CHANGE = re.compile(r'^(ok|changed): \[|"changed": (true|false)', re.MULTILINE)
_MAX_BANNER = 4096
# What runner puts in the place of a result that is too large for it, or under no_log.
_WITHOUT_RESULT = frozenset({"runner_on_skipped"})


def play_of(told: RunnerEvent) -> Play:
    """Return the play of an event; runner's number for a batch is no part of its uuid."""
    data = told.data
    uuid = base_uuid(text_of(data.get("play_uuid")) or told.uuid)
    pattern = text_of(data.get("pattern")) or text_of(data.get("play_pattern"))
    return Play(uuid, text_of(data.get("name")) or text_of(data.get("play")) or pattern, pattern)


def task_uuid_of(told: RunnerEvent) -> str:
    """Return the uuid of the task that an event is for; where the data is lost, it is the parent's."""
    uuid = told.data.get("task_uuid")
    if isinstance(uuid, str) and uuid:
        return uuid
    return base_uuid(told.uuid if told.event == "playbook_on_task_start" else told.parent_uuid or told.uuid)


def task_of(told: RunnerEvent, *, is_core_made: bool = False, includes: tuple[Include, ...] = ()) -> Task:
    """Return the task that an event announces or is for."""
    data = told.data
    role, name = text_of(data.get("role")), text_of(data.get("task"))
    announced = text_of(data.get("name")) if told.event == "playbook_on_task_start" else ""
    details = {key: data[key] for key in _DETAILS if data.get(key) is not None}
    return Task(
        uuid=task_uuid_of(told),
        name=(announced or (f"{role} : {name}" if role else name)).strip(),
        action=text_of(data.get("task_action")),
        path=text_of(data.get("task_path")),
        is_handler=data.get("is_conditional") is True,
        is_core_made=is_core_made,
        includes=includes,
        included_at=tuple(include.path for include in reversed(includes) if include.path),
        details={"task_args": "", **details},
    )


def path_of(told: RunnerEvent) -> str:
    """Return the file that a task stands in."""
    return text_of(told.data.get("task_path")).rpartition(":")[0]


def host_of(told: RunnerEvent) -> str:
    """Return the host that an event is for."""
    return text_of(told.data.get("host"))


def is_censored(told: RunnerEvent) -> bool:
    """Return whether the result of an event is under ``no_log``."""
    result = told.data.get("res")
    return isinstance(result, dict) and ("censored" in result or bool(result.get("_ansible_no_log")))


def is_core_action(told: RunnerEvent) -> bool:
    """Return whether Ansible may have made a task of this action by itself, as it does to gather facts."""
    action = text_of(told.data.get("task_action")).rpartition(".")[2]
    return action in _CORE_ACTIONS and not told.data.get("role")


def result_of(told: RunnerEvent) -> dict[str, Any]:
    """Return what an event of a host tells beside its task; ``lost`` names what runner did not keep."""
    data = {key: told.data[key] for key in _RESULT_KEYS if key in told.data}
    if delegated := data.get("delegated_host") or _delegated_host(told):
        data["delegated_host"] = delegated
    lost = [] if told.data else ["event_data"]
    if "res" in data:
        data["res"] = _with_change(told, _censored(data["res"], is_poll=told.event == "runner_on_async_poll"))
        lost += [] if data["res"] else ["res"]
    elif told.event in _WITHOUT_RESULT and told.data:
        shown = _shown_result(told.text)
        lost += [] if shown else ["res"]
        data |= {"res": shown} if shown else {}
    if told.event == "runner_item_on_failed":
        lost.append("ignore_errors")
    elif told.event == "runner_on_unreachable":
        data["ignore_errors"] = _COLOUR.sub("", told.text).rstrip().endswith("\n...ignoring")
    return {**data, "lost": lost} if lost else data


def _delegated_host(told: RunnerEvent) -> str:
    """Return the other host on which a task ran: as the result has it, or as the terminal showed it."""
    result, host = told.data.get("res"), host_of(told)
    variables = result.get("_ansible_delegated_vars") if isinstance(result, dict) else None
    name = text_of(variables.get("ansible_delegated_host")) if isinstance(variables, dict) else ""
    shown = _SHOWN_HOSTS.search(_COLOUR.sub("", told.text[:_MAX_BANNER]))
    if not name and shown is not None and shown[1] == host:
        name = shown[2]
    return "" if name == host else name


def _shown_result(text: str) -> dict[str, Any] | None:
    """Return the result of a skipped task where the terminal showed it, as it does with ``-v``."""
    try:
        shown = json.loads(_COLOUR.sub("", text).partition("] => ")[2])
    except (ValueError, RecursionError):
        return None
    return shown if isinstance(shown, dict) else None


def _censored(result: Any, *, is_poll: bool) -> Any:
    if not isinstance(result, dict):
        return result
    if result.get("_ansible_no_log") or _has_censored_part(result.get("results")):
        result = values.plain(result)
    facts = result.get("ansible_facts")
    if isinstance(facts, dict) and "ansible_env" in facts:
        # runner leaves it out only where the playbook calls the module by its short name.
        kept = {key: fact for key, fact in facts.items() if key != "ansible_env"}
        result = {**result, "ansible_facts": kept}
    # From ansible-core 2.21 on a poll has the loop's item, whatever no_log says of the task.
    return _without_item(result) if is_poll else result


def _with_change(told: RunnerEvent, result: Any) -> Any:
    """Return a result that runner censored with whether it changed something, if that was shown."""
    if not isinstance(result, dict) or "censored" not in result or "changed" in result:
        return result
    shown = _SHOWN_CHANGE.search(_COLOUR.sub("", told.text[:_MAX_BANNER]))
    return result if shown is None else {**result, "changed": "changed" in shown.groups() or "true" in shown.groups()}


def _has_censored_part(results: Any) -> bool:
    return isinstance(results, list) and any(isinstance(part, dict) and part.get("_ansible_no_log") for part in results)


def _without_item(result: dict[str, Any]) -> dict[str, Any]:
    hidden = {"item", "_ansible_item_label", text_of(result.get("ansible_loop_var"))}
    return {key: part for key, part in result.items() if key not in hidden}


def stats_of(told: RunnerEvent, *, hides_artifacts: bool) -> dict[str, Any]:
    """Return Ansible's counts and what ``set_stats`` made; of the latter nothing if a part of it is censored."""
    counts = {kind: _counts(told.data.get(kind)) for kind in _STATS}
    made = told.data.get("artifact_data") or {}
    return {**counts, "artifact_data": values.censor_result(None) if hides_artifacts and made else made}


def _counts(found: Mapping[str, Any] | Any) -> dict[str, int]:
    if not isinstance(found, dict):
        return {}
    return {host: count for host, count in found.items() if isinstance(count, int) and 0 <= count < 2**31}
