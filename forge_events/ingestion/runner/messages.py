# SPDX-License-Identifier: Apache-2.0
"""Hold messages until it is known whether the tasks that they may be of are under ``no_log``.

With ``-vvv`` Ansible shows the commands that it runs, of tasks under ``no_log`` as well; ansible-runner says of a task
whether that holds with its first result, which comes after them. What comes behind a message waits with it, so that all
keep their order; a message for which nothing comes is censored. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forge_events.hierarchy import EVENTS
from forge_events.ingestion.runner.facts import host_of, is_censored, task_uuid_of
from forge_events.ingestion.runner.told import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.ingestion.runner.told import Told

__all__ = ["Messages"]

_MOST = 200
_LARGEST = 1024 * 1024
_FINAL = frozenset({"runner_on_ok", "runner_on_failed", "runner_on_skipped", "runner_on_unreachable"})
_MESSAGES = frozenset(name for name, rule in EVENTS.items() if rule.level == 0 and rule.parent)
_OF_HOST = frozenset(name for name, rule in EVENTS.items() if rule.level == 3)


class _Held(NamedTuple):
    """An event that waits, with the host that begins its task; ``tasks`` are those that a message may be of."""

    told: Told
    host: str | None
    tasks: frozenset[str]


class Messages:
    """The messages of one job.

    :param hide: returns a message's text as it is told of a task under ``no_log``.
    """

    def __init__(self, hide: Callable[[str], str]) -> None:
        self._hide = hide
        self._at: dict[str, str] = {}
        self._is_censored: dict[str, bool] = {}
        self._held: list[_Held] = []
        self._size = 0

    def take(self, told: Told, host: str | None) -> Iterator[tuple[Told, str | None]]:
        """Yield the events that wait no longer."""
        self._learn(told)
        is_message = told.event in _MESSAGES and bool(told.text.strip())
        tasks = frozenset(self._at.values()) if is_message else frozenset()
        self._held.append(_Held(told, host, tasks))
        self._size += len(told.text)
        yield from self._release(is_over=len(self._held) > _MOST or self._size > _LARGEST)

    def close(self) -> Iterator[tuple[Told, str | None]]:
        """Yield the events that are left at the end of the job."""
        yield from self._release(is_over=True)

    def _learn(self, told: Told) -> None:
        if told.event == "playbook_on_play_start":
            self._at = {}
        if told.event not in _OF_HOST or told.event == "runner_on_async_poll":
            return
        uuid, host = task_uuid_of(told), host_of(told)
        if told.event == "runner_on_start":
            self._at[host] = uuid
            return
        if "res" in told.data:
            self._is_censored[uuid] = self._is_censored.get(uuid, False) or is_censored(told)
        # An include is well before its file is looked for, and what is wrong with that comes as a message.
        is_include = text_of(told.data.get("task_action")).rpartition(".")[2].startswith("include_")
        if told.event in _FINAL and not (is_include and self._is_censored.get(uuid, False)):
            self._at.pop(host, None)
            if uuid not in self._at.values():
                self._is_censored.setdefault(uuid, False)

    def _release(self, *, is_over: bool) -> Iterator[tuple[Told, str | None]]:
        """Yield from the first event on, up to a message of which nothing is known yet."""
        count = 0
        for told, host, tasks in self._held:
            known = [self._is_censored.get(task, is_over or None) for task in tasks]
            if None in known and True not in known:
                break
            count += 1
            self._size -= len(told.text)
            yield (told._replace(text=self._hide(told.text)) if any(known) else told), host
        del self._held[:count]
