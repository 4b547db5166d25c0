# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what the recorder needs off Ansible's objects, from ansible-core 2.16 to 2.21, changing none of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ansible import constants as C
from ansible.playbook.block import Block
from ansible.playbook.task_include import TaskInclude

from . import _hierarchy as hierarchy
from . import _values as values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = [
    "arguments_of",
    "circumstances_of",
    "is_ignored",
    "is_include",
    "marks_of",
    "places_in",
    "play_above",
    "play_of",
    "result_of",
    "stats_of",
    "task_of",
    "withheld_of",
]

_CORE_MADE = ("gather_facts", "setup", "validate_argument_spec")

# Variables of a loop that say how it is shown or counted, not what is included.
_LOOP_CONTROL = frozenset({"ansible_loop_var", "_ansible_item_label", "ansible_loop", "ansible_index_var"})

_STATS = ("changed", "dark", "failures", "ignored", "ok", "processed", "rescued", "skipped")


def play_of(play: Any) -> hierarchy.Play:
    """Return what a play is called and which hosts it is for."""
    hosts = play.hosts
    pattern = ",".join(map(_text, hosts)) if isinstance(hosts, (list, tuple)) else _text(hosts)
    # ansible-runner's own plugin, which comes first, adds a number to the uuid when a play starts its next batch.
    uuid = _text(play._uuid).partition("_")[0]
    return hierarchy.Play(uuid=uuid, name=_text(play.get_name()).strip() or pattern, pattern=pattern)


def task_of(task: Any, *, is_handler: bool = False) -> hierarchy.Task:
    """Return what identifies and describes a task."""
    action = _text(task.action)
    includes = tuple(_includes(task))
    path, column = _place(task)
    role = task._role
    no_log = task.no_log
    is_censored = values.is_no_log(no_log)
    details = {"task_args": "" if is_censored else _shown_arguments(task)}
    if task.loop_with or task.loop:
        details["event_loop"] = _text(task.loop_with) or "loop"
    if resolved := task.__dict__.get("_resolved_action") or task.__dict__.get("resolved_action"):
        details["resolved_action"] = _text(resolved)
    if role is not None:
        details["role"] = _text(role._role_name)
        details["resolved_role"] = _text(role.get_name())
    return hierarchy.Task(
        uuid=_text(task._uuid),
        name=_text(task.get_name()).strip(),
        action=action,
        path=path,
        column=column,
        argument=_text((task.args or {}).get("_raw_params", "")) if _short(action) == "meta" else "",
        is_handler=is_handler,
        is_core_made=not (column or role or includes) and _short(action) in _CORE_MADE,
        includes=includes,
        included_at=tuple(reversed([_text(parent.get_path()) for parent in _including(task)])),
        is_censored=is_censored,
        is_censored_at_times=is_censored and not isinstance(no_log, bool),
        has_rescue=_has_rescue(task),
        details=details,
    )


def result_of(result: Any, task: hierarchy.Task | None, limit: int) -> tuple[dict[str, Any], Any]:
    """Return a result as JSON of about ``limit`` bytes, and what of it may not be told.

    It is censored if the result, its own task or the announced one says so; then what was censored comes second, else
    None. A result that Ansible itself cannot give is marked, since the event is worth keeping without it.
    """
    try:
        found = _values_of(result)
    except Exception as error:  # noqa: BLE001 - a RecursionError from 2.19 on; what else is for Ansible to say
        return {"unreadable": type(error).__name__}, None
    if _is_censored(result, found, task):
        return values.censor_result(found), values.without_harmless(found)
    plain = values.plain(found)
    facts = plain.get("ansible_facts")
    if isinstance(facts, dict):
        facts.pop("ansible_env", None)  # the environment of the host is where its secrets are
    return values.cut(plain, limit), None


def _values_of(result: Any) -> Any:
    """Return what a result holds. From 2.19 on Ansible makes a copy of it for each callback, which is dear.

    That copy differs in values of Ansible's own types alone: where there are none, it is not asked for.
    """
    held = getattr(result, "_return_data", None)
    return held if held.__class__ is dict and values.is_plain(held) else result._result


def _is_censored(result: Any, found: Any, task: hierarchy.Task | None) -> bool:
    """Whether a result may not be told. Reading ``no_log`` of a task is dear, so what the announcement said is enough.

    Where that was a template, the result itself (to 2.20) or its task (from 2.21) says what came of it, if it does.
    """
    if task is not None and not task.is_censored_at_times:
        return task.is_censored or values.is_no_log(found.get("_ansible_no_log"))
    own = found.get("_ansible_no_log")
    return values.is_no_log(result._task.no_log if own is None else own)


def arguments_of(result: Any) -> Any:
    """Return the arguments that a task was run with, literally."""
    fields = getattr(result, "_task_fields", None) or {}
    return fields.get("args")


def withheld_of(result: Any) -> Any:
    """Return what a censored result would have told, and its task's arguments, to know it where it comes again.

    What a hook is given is a censored copy. The result itself is where the copy was made: in the frame that calls the
    hooks. Where it is not to be found, there is less to know.
    """
    found = []
    try:
        found.append(_revealed(arguments_of(result)))
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_name != "send_callback":
            frame = frame.f_back
        given = frame.f_locals.get("args", ()) if frame is not None else ()
        found += [_revealed(_whole(part)) for part in given]
    except Exception:  # noqa: BLE001, S110 - Ansible's own objects: what they are made of is theirs
        pass
    return found


def _whole(given: Any) -> Any:
    utr = getattr(given, "utr", None)  # from 2.21 on
    if utr is not None:
        return utr.as_result_dict()
    return getattr(given, "_return_data", None) or getattr(given, "_result", None)


def _revealed(value: Any, depth: int = 20) -> Any:
    """Return a value as JSON with what is marked ``no_log``."""
    if isinstance(value, dict) and depth:
        parts = ((key, part) for key, part in dict.items(value) if key != "_ansible_no_log")
        return {_text(key): _revealed(part, depth - 1) for key, part in parts}
    if isinstance(value, list) and depth:
        return [_revealed(part, depth - 1) for part in list.__iter__(value)]
    return values.plain(value)


def play_above(task: Any) -> Any:
    """Return the play that a task stands in as it is written, None for one that was loaded while the play ran."""
    above = list(_above(task))
    if any(isinstance(parent, TaskInclude) and not parent.statically_loaded for parent in above):
        return None
    return getattr(above[-1], "_play", None) if above else None


def places_in(play: Any) -> Iterator[tuple[str, int]]:
    """Yield for each task of a play its ``file:line`` and its column."""
    blocks = [*play.pre_tasks, *play.tasks, *play.post_tasks, *play.handlers]
    for role in play.roles:
        blocks += [*role._task_blocks, *role._handler_blocks]
    while blocks:
        block = blocks.pop()
        if isinstance(block, Block):
            blocks += [*block.block, *block.rescue, *block.always]
        else:
            yield _place(block)


def is_ignored(result: Any, keyword: str) -> bool:
    """Return whether ``ignore_errors`` or ``ignore_unreachable`` holds for a result, as Ansible has templated it."""
    fields = getattr(result, "_task_fields", None) or {}
    return (fields[keyword] if keyword in fields else getattr(result._task, keyword, False)) is True


def circumstances_of(result: Any) -> dict[str, Any]:
    """Return under what circumstances a result came about: in check mode, or on another host than the one it is of.

    The other host is the one that the terminal shows: it has its name also where it could not be reached.
    """
    fields = getattr(result, "_task_fields", None) or {}
    found: dict[str, Any] = {"check_mode": True} if fields.get("check_mode") is True else {}
    delegated = fields["delegate_to"] if "delegate_to" in fields else getattr(result._task, "delegate_to", None)
    # In the end of a loop it is the template again, of which each item has made another host.
    if delegated and delegated != result._host.get_name() and "{{" not in delegated:
        found["delegated_host"] = _text(delegated)
    return found


def is_include(task: Any) -> bool:
    """Return whether a task includes others while the play runs."""
    return isinstance(task, TaskInclude)


def marks_of(play: Any, host: str) -> int | None:
    """Return how often Ansible has marked a host as failed and not taken that back; None if it does not say."""
    removed = getattr(play, "_removed_hosts", None)
    return removed.count(host) if isinstance(removed, list) else None


def stats_of(stats: Any) -> dict[str, Any]:
    """Return Ansible's counts, for each kind the hosts that have any."""
    return {kind: values.plain(getattr(stats, kind, {})) for kind in _STATS}


def _text(value: Any) -> str:
    """Return a plain string; Ansible's own subclasses would carry their tags and origins along."""
    plain = values.plain(value)
    return plain if isinstance(plain, str) else "" if plain is None else f"{plain}"


def _short(action: str) -> str:
    return action.rpartition(".")[2]


def _place(thing: Any) -> tuple[str, int]:
    """Return file and line of a task, and its column; 0 where Ansible made the task by itself."""
    origin = getattr(thing, "_origin", None)
    column = getattr(origin, "col_num", None) if origin is not None else None
    position = getattr(getattr(thing, "_ds", None), "ansible_pos", None)
    if column is None and position is not None:
        column = position[2]
    elif column is None and origin is not None:
        column = 1
    return _text(thing.get_path()), int(column or 0)


def _above(task: Any) -> Iterator[Any]:
    parent = task._parent
    while parent is not None:
        yield parent
        parent = parent._parent


def _includes(task: Any) -> Iterator[hierarchy.Include]:
    """Yield the includes and imports above a task, nearest first, if one of them is dynamic."""
    above = _including(task)
    if any(not parent.statically_loaded for parent in above):
        for parent in above:
            found = values.plain(dict(dict.items(parent.vars or {})))
            variables = {key: value for key, value in found.items() if key not in _LOOP_CONTROL}
            yield hierarchy.Include(_text(parent.get_path()), _text(parent.action), variables)


def _including(task: Any) -> list[Any]:
    """Return the includes and imports above a task, nearest first."""
    return [parent for parent in _above(task) if isinstance(parent, TaskInclude)]


def _has_rescue(task: Any) -> bool:
    """Whether a failure leads into a ``rescue``: some block above has one, with the task in its main part."""
    below = task
    for parent in _above(task):
        if isinstance(parent, Block) and parent.rescue and not _is_among(below, [*parent.rescue, *parent.always]):
            return True
        below = parent
    return False


def _is_among(thing: Any, others: list[Any]) -> bool:
    return any(other._uuid == thing._uuid for other in others)


def _shown_arguments(task: Any) -> str:
    """Return the task's arguments where the user has them displayed with its name."""
    if not C.DISPLAY_ARGS_TO_STDOUT or not isinstance(task.args, dict):
        return ""
    return ", ".join(f"{name}={value}" for name, value in values.plain(dict(dict.items(task.args))).items())
