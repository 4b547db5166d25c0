# SPDX-License-Identifier: Apache-2.0
"""Tell the censor of a job what ansible-runner's events say of secrets, and take from them what may not be told.

runner does not say of a task whether it is under ``no_log``; its results are censored then. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events import values

# By the name that it has in the collection as well.
from forge_events._excerpts import TaskSource
from forge_events.censoring import HIDDEN, Censor
from forge_events.hierarchy import EVENTS
from forge_events.ingestion.runner import facts
from forge_events.ingestion.runner.told import text_of

if TYPE_CHECKING:
    from forge_events.ingestion.runner.told import Told

__all__ = ["Lessons"]

_OF_HOST = frozenset(name for name, rule in EVENTS.items() if rule.level == 3)
_FAILED = frozenset({"runner_on_failed", "runner_item_on_failed", "runner_on_unreachable"})


class Lessons:
    """What one job's events say of secrets, handed on to the job's censor."""

    def __init__(self, censor: Censor) -> None:
        self._censor = censor
        self._hides_stats = False

    def take(self, told: Told) -> tuple[Told, str]:
        """Return an event without what may not be told of its result, and its output without the errors above that."""
        if told.event in _OF_HOST:
            return self._of_host(told)
        if told.event == "playbook_on_task_start":
            self._know(told, is_censored=True)
        elif told.event == "playbook_on_stats" and self._hides_stats:
            return told, Censor.hide(told.text, told.data.get("artifact_data"))
        return told, told.text

    def _of_host(self, told: Told) -> tuple[Told, str]:
        self._censor.know_host(facts.host_of(told))
        self._censor.know_host(text_of(told.data.get("remote_addr")))
        result = told.data.get("res")
        if told.event == "runner_on_start" or not isinstance(result, dict):
            return told, told.text
        if self._is_of_censored_include(told, result):
            text = Censor.hide(Censor.hide_errors(told.text), values.without_harmless(result))
            return told._replace(data={**told.data, "res": values.censor_result(result)}), text
        is_censored = facts.is_censored(told)
        self._know(told, is_censored=is_censored)
        if is_censored:
            action = text_of(told.data.get("task_action"))
            self._hides_stats |= action.endswith("set_stats")
            return told, Censor.hide_errors(told.text)
        return told._replace(data={**told.data, "res": self._told(told, result)}), told.text

    def _is_of_censored_include(self, told: Told, result: dict[str, Any]) -> bool:
        """Whether an include under ``no_log`` failed after it was well: Ansible does not censor this second result."""
        known = self._censor.excerpts.known(text_of(told.data.get("task_path")))
        is_include = text_of(told.data.get("task_action")).rpartition(".")[2].startswith("include_")
        return is_include and "censored" not in result and known is not None and known.is_result and known.is_censored

    def _told(self, told: Told, result: dict[str, Any]) -> dict[str, Any]:
        if result.get("echo") is False and "user_input" in result:
            self._censor.learn(result["user_input"])
            result = {**result, "user_input": HIDDEN}
        return self._censor.failure(result) if told.event in _FAILED else result

    def _know(self, told: Told, *, is_censored: bool) -> None:
        """Learn where a task stands; as long as it has no result, nobody knows whether it is under ``no_log``."""
        path = text_of(told.data.get("task_path"))
        known = self._censor.excerpts.known(path)
        if known is None or told.event != "playbook_on_task_start":
            was_censored = known is not None and known.is_result and known.is_censored
            action = text_of(told.data.get("task_action"))
            is_result = told.event != "playbook_on_task_start"
            source = TaskSource(0, action, is_censored or was_censored, is_result=is_result)
            self._censor.excerpts.know(path, source)
