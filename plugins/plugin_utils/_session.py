# SPDX-License-Identifier: GPL-3.0-or-later
"""One plugin instance at work: open the job's record at the first event, tell it what the hooks say, close it.

The record's censor is told what Ansible says of secrets: tasks under ``no_log``, arguments that modules hide, what was
typed and not shown, passwords.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import platform
import sys
import uuid
from typing import TYPE_CHECKING, Any

from ansible import __version__ as ansible_version
from ansible import context

from . import _facts as facts
from . import _values as values
from ._censoring import MARK, Censor
from ._command_lines import SECRET_NAME, censor_command, censor_urls
from ._excerpts import TaskSource, is_open
from ._recorder import FINAL, Recorder, now, spool_directory
from ._terminal import Terminal
from ._user import effective_user, login_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._hierarchy import Task

__all__ = ["PluginSession", "reason"]

_ACTIVE = "_forge_events_session"
_FAILED = frozenset({"runner_on_failed", "runner_item_on_failed", "runner_on_async_failed"})
# Beside their messages Ansible shows lines of source.
_WITH_SOURCE = frozenset({"runner_on_failed", "runner_item_on_failed", "runner_on_unreachable"})
# What machines are like is no secret because a whole play is under no_log, and it is thousands of words.
_OF_MACHINES = frozenset({"gather_facts", "setup"})


def reason(error: BaseException) -> str:
    """Say in one line what went wrong, without the payload that an unknown error's own words may hold."""
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}{f': {error.filename}' if error.filename else ''}"
    return type(error).__name__


class PluginSession:
    """The record that one plugin instance makes, and what it has to remember for it.

    Ansible makes one instance for each run, ansible-console one for each command. Only one instance of a process
    records at a time: a second one that is given the same run (the plugin was enabled twice) stays away, and one that
    is given another run ends the record of the first.

    :param option: gives the value of an option of the plugin, or None.
    """

    def __init__(self, option: Callable[[str], Any]) -> None:
        self._option = option
        self._terminal = Terminal.of_process()
        self._recorder: Recorder | None = None
        self._opening: Any = None
        self._play: Any = None
        self._marks: dict[str, int | None] = {}
        self._task: Task | None = None
        self._censor = Censor(has_files=True)
        self._plays: set[str] = set()
        self._hosts: set[str] = set()
        self._hides_stats = False
        self._limit = 0

    def open_for(self, opening: Any) -> bool:
        """Make this session the one that records; return False if another one records this very playbook or play.

        :raises OSError: the spool cannot be made.
        """
        active: PluginSession | None = getattr(sys, _ACTIVE, None)
        if active is not self:
            if active is not None and active.is_open and active._opening is opening:
                return False
            if active is not None:
                active.close()
            self._open()
            setattr(sys, _ACTIVE, self)
        self._opening = opening
        return True

    @property
    def is_open(self) -> bool:
        """Whether this session records."""
        return self._recorder is not None and self._recorder.is_open

    def close(self) -> None:
        """End the record. A spool that takes no more stays without its end, which says as much."""
        if self._recorder is not None:
            with contextlib.suppress(OSError):
                self._recorder.close()

    def playbook_started(self, playbook: Any) -> None:
        """Record a playbook."""
        if self._recorder is not None:
            name = values.plain(playbook._file_name)
            self._recorder.start_playbook(name, {}, ends_with_stats=name != "__adhoc_playbook__")

    def play_started(self, play: Any) -> None:
        """Record a play."""
        if self._recorder is not None:
            self._play = play
            self._censor.start_play()
            for prompt in play.vars_prompt or ():
                name = values.plain(prompt.get("name"))
                if values.plain(prompt.get("private", True)) is not False and name in play.vars:
                    self._censor.learn(values.plain(play.vars[name]))
            self._recorder.start_play(facts.play_of(play), {})

    def passwords_given(self, play_context: Any) -> None:
        """Learn the passwords of a connection and of another user, wherever they come from."""
        for name in ("password", "become_pass"):
            self._censor.learn(values.plain(getattr(play_context, name, None)))

    def task_started(self, task: Any, *, is_handler: bool) -> None:
        """Record the announcement of a task."""
        if self._recorder is not None:
            self._task = found = facts.task_of(task, is_handler=is_handler)
            self._hides_stats |= found.is_censored and found.action.endswith("set_stats")
            known = self._censor.excerpts.known(found.path)
            is_told = known is not None and known.is_told
            self._censor.excerpts.know(found.path, TaskSource(found.column, found.action, found.is_censored, is_told))
            self._recorder.start_task(found)

    def host_began(self, host: Any, task: Any) -> None:
        """Record that a host begins a task, which was announced just before."""
        if self._recorder is not None:
            if self._task is None or self._task.uuid != task._uuid:
                self._task = facts.task_of(task)
            name = host.get_name()
            if name not in self._hosts:
                self._hosts.add(name)
                self._censor.know_host(name)
                self._censor.know_host(values.plain(host.address))
            self._marks[name] = facts.marks_of(self._play, name)
            self._censor.begin(name, is_censored=self._task.is_censored)
            self._recorder.begin(name, self._task)

    def host_reported(self, event: str, result: Any, *, is_ignored: bool = False) -> None:
        """Record a result of a host, or a part of one."""
        if self._recorder is None:
            return
        host = result._host.get_name()
        known = self._recorder.known_task(host, result._task._uuid)
        found, hidden = facts.result_of(result, known, self._limit)
        action = known.action.rpartition(".")[2] if known is not None else ""
        # An include under no_log is well before its file is looked for; what is wrong with that comes as a message.
        if event in FINAL and not (hidden is not None and action.startswith("include_")):
            self._censor.end(host)
        if hidden is None:
            found = self._learn_result(event, result, known, found)
        else:
            if action not in _OF_MACHINES:
                self._censor.learn(facts.withheld_of(result), is_secret=False)
            self._recorder.rewrite_output(lambda text: Censor.hide(Censor.hide_errors(text), values.plain(hidden)))
        data = {"remote_addr": result._host.address, "res": found, **facts.circumstances_of(result)}
        if event in _FAILED:
            # Only the hook knows of a final result: Ansible fails a host over a missing include whatever the task says.
            is_final = event == "runner_on_failed"
            data["ignore_errors"] = is_ignored if is_final else facts.is_ignored(result, "ignore_errors")
            data |= self._rescue(result, known, is_final=is_final) if not data["ignore_errors"] else {"rescued": False}
        elif event == "runner_on_unreachable":
            data["ignore_errors"] = facts.is_ignored(result, "ignore_unreachable")
        elif event == "runner_on_file_diff":
            data["diff"] = data.pop("res").get("diff")
        self._recorder.report(event, host, result._task._uuid, known or facts.task_of(result._task), data)

    def _learn_result(self, event: str, result: Any, task: Task | None, found: dict[str, Any]) -> dict[str, Any]:
        """Learn from a result that is told what of it is not; return what may be told."""
        if task is not None and not is_open(task.action):
            self._learn_arguments(result, task, found)
        if found.get("echo") is False and "user_input" in found:
            self._censor.learn(found["user_input"])
            found = {**found, "user_input": values.HIDDEN}
        if event in _WITH_SOURCE:
            self._know_play(result._task)
            found = self._censor.failure(found)
        return found

    def _learn_arguments(self, result: Any, task: Task, found: dict[str, Any]) -> None:
        """Learn the arguments that a module says it hides; where it says nothing, those with the name of a secret."""
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
        if play is not None and play._uuid not in self._plays:
            self._plays.add(play._uuid)
            self._censor.excerpts.know_play(facts.places_in(play))

    def _rescue(self, result: Any, known: Task | None, *, is_final: bool) -> dict[str, Any]:
        """Return what a failure says of being rescued.

        The blocks above a task tell, but not above a handler: what counts is where it is flushed. When Ansible hands
        over a final result it has marked the host as failed, and has taken that back for a rescue; the mark that a
        missing include leaves comes later.
        """
        has_rescue = known is not None and known.has_rescue
        host = result._host.get_name()
        marks = facts.marks_of(self._play, host)
        if marks is None or (is_final and facts.is_include(result._task)):
            return {"rescued": has_rescue}
        if is_final:
            return {"rescued": marks == self._marks.get(host)}
        is_unknown = known is not None and known.is_handler and not has_rescue
        return {"rescued": has_rescue, **({"lost": ["rescued"]} if is_unknown else {})}

    def included(self, included: Any) -> None:
        """Record that a file or role was included, without its variables, which no ``no_log`` censors."""
        if self._recorder is not None:
            task = included._task
            if values.is_no_log(task.no_log):
                variables = values.plain(included._vars)
                self._censor.learn(variables, is_secret=False)
                self._recorder.rewrite_output(lambda text: Censor.hide(text, variables))
            data = {
                "included_file": values.plain(included._filename),
                "hosts": [host.get_name() for host in included._hosts],
                "task": values.plain(task.get_name()),
                "task_uuid": values.plain(task._uuid),
            }
            self._recorder.add_to_play("playbook_on_include", data)

    def notified(self, handler: Any, host: Any) -> None:
        """Record that a host has a handler to run."""
        self.play_event("playbook_on_notify", {"host": host.get_name(), "handler": values.plain(handler.get_name())})

    def play_event(self, event: str, data: dict[str, Any] | None = None) -> None:
        """Record an event of the play that runs."""
        if self._recorder is not None:
            self._recorder.add_to_play(event, data or {})

    def prompted(self, name: str, is_private: bool, prompt: Any) -> None:
        """Record that a variable is asked for; never its default, which may be the secret itself."""
        if self._recorder is not None:
            data = {"varname": values.plain(name), "private": bool(is_private), "prompt": values.plain(prompt)}
            self._recorder.add_to_root("playbook_on_vars_prompt", data)

    def ended(self, stats: Any) -> None:
        """Record Ansible's counts, and the statistics that the playbook made unless a part of them is secret."""
        if self._recorder is not None:
            custom = values.plain(getattr(stats, "custom", None) or {})
            if self._hides_stats:
                hidden, custom = custom, {scope: values.censor_result(None) for scope in custom}
                self._recorder.rewrite_output(lambda text: Censor.hide(text, hidden))
            data = {**facts.stats_of(stats), "artifact_data": custom.pop("_run", {})}
            if custom:
                data["host_artifact_data"] = custom
            self._recorder.add_to_root("playbook_on_stats", data)

    def _open(self) -> None:
        has_output = self._option("record_stdout") is not False
        directory = self._directory()
        self._limit = self._option("max_result_size") or 16 * 1024 * 1024
        if not has_output:
            self._terminal.hand_to(lambda _piece: None)
        terminal = self._terminal if has_output else None
        self._recorder = Recorder(self._header(), directory, terminal, self._censor)
        # A run that this one starts is its child, with a name of its own.
        os.environ["FORGE_EVENTS_PARENT_JOB"] = self._recorder.job_uuid
        os.environ.pop("FORGE_EVENTS_JOB_NAME", None)
        atexit.register(self.close)

    def _directory(self) -> str:
        home = self._option("home")
        return self._option("spool_dir") or spool_directory(
            {**os.environ, **({"FORGE_EVENTS_HOME": home} if home else {})}
        )

    def _header(self) -> dict[str, Any]:
        arguments = context.CLIARGS.get("args") or ()
        words = [arguments] if isinstance(arguments, str) else [values.plain(word) for word in arguments]
        module = context.CLIARGS.get("module_name")
        program = os.path.basename(sys.argv[0])
        recorder_pid = os.environ.pop("FORGE_EVENTS_RECORDER_PID", None)
        command = censor_command([program, *sys.argv[1:]])
        self._censor.learn_command(command.secrets, command.echoes)
        return {
            "job_uuid": os.environ.pop("FORGE_EVENTS_JOB_UUID", None) or str(uuid.uuid4()),
            "name": self._censor.text(censor_urls(self._option("job_name") or _name(program, module, words))),
            "command": command.words,
            "directory": os.getcwd(),
            "host": platform.node(),
            "run_by": login_user(os.environ),
            "run_as": effective_user(),
            "check_mode": context.CLIARGS.get("check") is True,
            "pid": os.getpid(),
            "started": now(),
            "ansible_version": ansible_version,
            "python_version": platform.python_version(),
            "parent_uuid": _parent_of_process(),
            "recorder_pid": int(recorder_pid) if recorder_pid else None,
            "expects_exit": bool(recorder_pid),
        }


def _name(program: str, module: str | None, words: list[str]) -> str:
    """Return what to call a job by its command: the playbooks' file names, or module and pattern."""
    if program == "ansible-playbook" or (module is None and words):
        return " ".join(os.path.basename(word) for word in words) or program
    return " ".join(filter(None, (program, *words, module and f"-m {module}")))


def _parent_of_process() -> str | None:
    """Return the job whose playbook started this process: as the environment had it before this process recorded."""
    name = "_forge_events_parent"
    if not hasattr(sys, name):
        setattr(sys, name, os.environ.get("FORGE_EVENTS_PARENT_JOB"))
    parent: str | None = getattr(sys, name)
    return parent
