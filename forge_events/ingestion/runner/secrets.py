# SPDX-License-Identifier: Apache-2.0
"""Tell the censor of a job what ansible-runner's events say of secrets, and take from them what may not be told. Pure.

runner does not say of a task whether it is under ``no_log``; its results are censored then. With ``-vvv`` Ansible shows
the commands that it runs, of such tasks as well, before the first result tells. What comes behind a message waits with
it, so that all keep their order; a message for which nothing comes is censored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events import values
from forge_events._excerpts import TaskSource
from forge_events.censoring import HIDDEN, Censor
from forge_events.events import RESULTS
from forge_events.ingestion.runner.events import MESSAGES, OF_HOST, host_of, is_censored, task_uuid_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.ingestion.runner.events import RunnerEvent

__all__ = ["Lessons", "Messages"]

_FAILED = frozenset({"runner_on_failed", "runner_item_on_failed", "runner_on_unreachable"})


class Lessons:
    """What one job's events say of secrets, handed on to the job's censor."""

    def __init__(self, censor: Censor) -> None:
        self._censor = censor
        self._hides_stats = False

    def take(self, told: RunnerEvent) -> tuple[RunnerEvent, str]:
        """Return an event without what may not be told of its result, and its output without the errors above that."""
        if told.event in OF_HOST:
            return self._of_host(told)
        if told.event == "playbook_on_task_start":
            self._know(told, is_censored=True)
        elif told.event == "playbook_on_stats" and self._hides_stats:
            return told, Censor.hide(told.text, told.data.get("artifact_data"))
        return told, told.text

    def _of_host(self, told: RunnerEvent) -> tuple[RunnerEvent, str]:
        self._censor.know_host(host_of(told))
        self._censor.know_host(text_of(told.data.get("remote_addr")))
        result = told.data.get("res")
        if told.event == "runner_on_start" or not isinstance(result, dict):
            return told, told.text
        if self._is_of_censored_include(told, result):
            text = Censor.hide(Censor.hide_errors(told.text), values.without_harmless(result))
            return told._replace(data={**told.data, "res": values.censor_result(result)}), text
        hides = is_censored(told)
        self._know(told, is_censored=hides)
        if hides:
            action = text_of(told.data.get("task_action"))
            self._hides_stats |= action.endswith("set_stats")
            return told, Censor.hide_errors(told.text)
        return told._replace(data={**told.data, "res": self._told(told, result)}), told.text

    def _is_of_censored_include(self, told: RunnerEvent, result: dict[str, Any]) -> bool:
        """Whether an include under ``no_log`` failed after it was well: Ansible does not censor this second result."""
        known = self._censor.excerpts.known(text_of(told.data.get("task_path")))
        is_include = text_of(told.data.get("task_action")).rpartition(".")[2].startswith("include_")
        return is_include and "censored" not in result and known is not None and known.is_result and known.is_censored

    def _told(self, told: RunnerEvent, result: dict[str, Any]) -> dict[str, Any]:
        if result.get("echo") is False and "user_input" in result:
            self._censor.learn(result["user_input"])
            result = {**result, "user_input": HIDDEN}
        return self._censor.failure(result) if told.event in _FAILED else result

    def _know(self, told: RunnerEvent, *, is_censored: bool) -> None:
        """Learn where a task stands; as long as it has no result, nobody knows whether it is under ``no_log``."""
        path = text_of(told.data.get("task_path"))
        known = self._censor.excerpts.known(path)
        if known is None or told.event != "playbook_on_task_start":
            was_censored = known is not None and known.is_result and known.is_censored
            action = text_of(told.data.get("task_action"))
            is_result = told.event != "playbook_on_task_start"
            source = TaskSource(0, action, is_censored or was_censored, is_result=is_result)
            self._censor.excerpts.know(path, source)


_MOST = 200
_LARGEST = 1024 * 1024


class _Held(NamedTuple):
    """An event that waits, with the host that begins its task; ``tasks`` are those that a message may be of."""

    told: RunnerEvent
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

    def take(self, told: RunnerEvent, host: str | None) -> Iterator[tuple[RunnerEvent, str | None]]:
        """Yield the events that wait no longer."""
        self._learn(told)
        is_message = told.event in MESSAGES and bool(told.text.strip())
        tasks = frozenset(self._at.values()) if is_message else frozenset()
        self._held.append(_Held(told, host, tasks))
        self._size += len(told.text)
        yield from self._release(is_over=len(self._held) > _MOST or self._size > _LARGEST)

    def close(self) -> Iterator[tuple[RunnerEvent, str | None]]:
        """Yield the events that are left at the end of the job."""
        yield from self._release(is_over=True)

    def _learn(self, told: RunnerEvent) -> None:
        if told.event == "playbook_on_play_start":
            self._at = {}
        if told.event not in OF_HOST or told.event == "runner_on_async_poll":
            return
        uuid, host = task_uuid_of(told), host_of(told)
        if told.event == "runner_on_start":
            self._at[host] = uuid
            return
        if "res" in told.data:
            self._is_censored[uuid] = self._is_censored.get(uuid, False) or is_censored(told)
        # An include is well before its file is looked for, and what is wrong with that comes as a message.
        is_include = text_of(told.data.get("task_action")).rpartition(".")[2].startswith("include_")
        if told.event in RESULTS and not (is_include and self._is_censored.get(uuid, False)):
            self._at.pop(host, None)
            if uuid not in self._at.values():
                self._is_censored.setdefault(uuid, False)

    def _release(self, *, is_over: bool) -> Iterator[tuple[RunnerEvent, str | None]]:
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
