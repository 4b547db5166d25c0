# SPDX-License-Identifier: Apache-2.0
"""Read plays, tasks and results off ``event_data`` as ansible-runner writes it. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from forge_events import values
from forge_events.hierarchy import Play, Task
from forge_events.ingestion.runner.told import base_uuid, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forge_events.hierarchy import Include
    from forge_events.ingestion.runner.told import Told

__all__ = [
    "host_of",
    "is_censored",
    "is_core_action",
    "path_of",
    "play_of",
    "result_of",
    "stats_of",
    "task_of",
    "task_uuid_of",
]

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


def play_of(told: Told) -> Play:
    """Return the play of an event; runner's number for a batch is no part of its uuid."""
    data = told.data
    uuid = base_uuid(text_of(data.get("play_uuid")) or told.uuid)
    pattern = text_of(data.get("pattern")) or text_of(data.get("play_pattern"))
    return Play(uuid, text_of(data.get("name")) or text_of(data.get("play")) or pattern, pattern)


def task_uuid_of(told: Told) -> str:
    """Return the uuid of the task that an event is for; where the data is lost, it is the parent's."""
    uuid = told.data.get("task_uuid")
    if isinstance(uuid, str) and uuid:
        return uuid
    return base_uuid(told.uuid if told.event == "playbook_on_task_start" else told.parent_uuid or told.uuid)


def task_of(told: Told, *, is_core_made: bool = False, includes: tuple[Include, ...] = ()) -> Task:
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


def path_of(told: Told) -> str:
    """Return the file that a task stands in."""
    return text_of(told.data.get("task_path")).rpartition(":")[0]


def host_of(told: Told) -> str:
    """Return the host that an event is for."""
    return text_of(told.data.get("host"))


def is_censored(told: Told) -> bool:
    """Return whether the result of an event is under ``no_log``."""
    result = told.data.get("res")
    return isinstance(result, dict) and ("censored" in result or bool(result.get("_ansible_no_log")))


def is_core_action(told: Told) -> bool:
    """Return whether Ansible may have made a task of this action by itself, as it does to gather facts."""
    action = text_of(told.data.get("task_action")).rpartition(".")[2]
    return action in _CORE_ACTIONS and not told.data.get("role")


def result_of(told: Told) -> dict[str, Any]:
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


def _delegated_host(told: Told) -> str:
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


def _with_change(told: Told, result: Any) -> Any:
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


def stats_of(told: Told, *, hides_artifacts: bool) -> dict[str, Any]:
    """Return Ansible's counts and what ``set_stats`` made; of the latter nothing if a part of it is censored."""
    counts = {kind: _counts(told.data.get(kind)) for kind in _STATS}
    made = told.data.get("artifact_data") or {}
    return {**counts, "artifact_data": values.censor_result(None) if hides_artifacts and made else made}


def _counts(found: Mapping[str, Any] | Any) -> dict[str, int]:
    if not isinstance(found, dict):
        return {}
    return {host: count for host, count in found.items() if isinstance(count, int) and 0 <= count < 2**31}
