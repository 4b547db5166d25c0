# SPDX-License-Identifier: Apache-2.0
"""Tell the censor of a job what Ansible says and does of secrets.

These are tasks under ``no_log``, arguments that modules hide, what was typed and not shown, passwords.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _facts as facts
from . import _values as values
from ._censoring import MARK
from ._command_lines import SECRET_NAME
from ._excerpts import Source, is_open

if TYPE_CHECKING:
    from ._censoring import Censor
    from ._hierarchy import Task

__all__ = ["Secrets"]

_FINAL = frozenset({"runner_on_ok", "runner_on_failed", "runner_on_skipped", "runner_on_unreachable"})
_FAILED = frozenset({"runner_on_failed", "runner_item_on_failed", "runner_on_unreachable"})
# What machines are like is no secret because a whole play is under no_log, and it is thousands of words.
_OF_MACHINES = frozenset({"gather_facts", "setup"})


class Secrets:
    """What one run says of secrets, handed on to the run's censor."""

    def __init__(self, censor: Censor) -> None:
        self._censor = censor
        self._plays: set[str] = set()
        self._hosts: set[str] = set()
        self._hides_stats = False

    def play_started(self, play: Any) -> None:
        """Learn what was typed for the play and not shown."""
        self._censor.start_play()
        for prompt in play.vars_prompt or ():
            name = values.plain(prompt.get("name"))
            if values.plain(prompt.get("private", True)) is not False and name in play.vars:
                self._censor.learn(values.plain(play.vars[name]))

    def passwords_given(self, play_context: Any) -> None:
        """Learn the passwords of a connection and of another user, wherever they come from."""
        for name in ("password", "become_pass"):
            self._censor.learn(values.plain(getattr(play_context, name, None)))

    def task_announced(self, task: Task) -> None:
        """Learn of a task whether it is under ``no_log``, and where its source is."""
        self._hides_stats |= task.is_censored and task.action.endswith("set_stats")
        known = self._censor.excerpts.known(task.path)
        is_told = known is not None and known.is_told
        self._censor.excerpts.know(task.path, Source(task.column, task.action, task.is_censored, is_told))

    def host_began(self, host: Any, task: Task) -> None:
        """Learn that a host begins a task."""
        name = host.get_name()
        if name not in self._hosts:
            self._hosts.add(name)
            self._censor.know_host(name)
            self._censor.know_host(values.plain(host.address))
        self._censor.begin(name, is_censored=task.is_censored)

    def reported(self, event: str, result: Any, task: Task | None, found: dict[str, Any]) -> dict[str, Any]:
        """Learn from a result that is told what of it is not; return what may be told."""
        if event in _FINAL:
            self._censor.end(result._host.get_name())
        self._learn_arguments(result, task, found)
        if found.get("echo") is False and "user_input" in found:
            self._censor.learn(found["user_input"])
            found = {**found, "user_input": values.HIDDEN}
        if event in _FAILED:
            self._know_play(result._task)
            found = self._censor.failure(found)
        return found

    def withheld(self, event: str, result: Any, task: Task | None) -> None:
        """Learn what is in a result that is not told."""
        # An include is well before its file is looked for, and what is wrong with that comes as a message.
        if event in _FINAL and not (task is not None and task.action.rpartition(".")[2].startswith("include_")):
            self._censor.end(result._host.get_name())
        if task is not None and task.action.rpartition(".")[2] in _OF_MACHINES:
            return
        self._censor.learn(facts.withheld_of(result), is_secret=False)

    def included(self, variables: Any) -> Any:
        """Learn the variables of an include under ``no_log`` and return them."""
        found = values.plain(variables)
        self._censor.learn(found, is_secret=False)
        return found

    def statistics(self, custom: Any) -> tuple[Any, Any]:
        """Return what may be told of the statistics that a playbook made, and what may not, if there is any."""
        if not self._hides_stats:
            return values.plain(custom), None
        return {scope: values.censor_result(None) for scope in custom}, values.plain(custom)

    def _learn_arguments(self, result: Any, task: Task | None, found: dict[str, Any]) -> None:
        """Learn the arguments that a module says it hides; where it says nothing, those with the name of a secret."""
        if task is None or is_open(task.action):
            return
        invocation = found.get("invocation")  # from 2.21 on only where the user wants it
        told = invocation.get("module_args") if isinstance(invocation, dict) else None
        given = values.plain(facts.arguments_of(result))
        if not isinstance(given, dict):
            return
        if isinstance(told, dict) and all(told.get(name) in (MARK, part) for name, part in given.items()):
            self._censor.excerpts.tell(task.path)
        told = {name: MARK for name in given if SECRET_NAME.search(name)} | (told if isinstance(told, dict) else {})
        self._censor.learn_arguments(told, given, is_secret=lambda name: bool(SECRET_NAME.search(name)))

    def _know_play(self, task: Any) -> None:
        """Learn where the tasks stand that were not announced; of such one, nobody can say what it hides."""
        play = facts.play_above(task)
        if play is None or play._uuid in self._plays:
            return
        self._plays.add(play._uuid)
        excerpts = self._censor.excerpts
        for path, column in facts.places_in(play):
            if excerpts.known(path) is None:
                excerpts.know(path, Source(column))
            excerpts.know_all(path)
