# SPDX-License-Identifier: GPL-3.0-or-later
"""One plugin instance at work: open the job's record at the first event, tell it what the hooks say, close it."""

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
from ._censoring import Censor
from ._command_lines import censor_command, censor_urls
from ._recorder import Recorder, now, spool_directory
from ._secrets import Secrets
from ._terminal import Terminal
from ._user import effective_user, login_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._hierarchy import Task

__all__ = ["Session", "reason"]

_ACTIVE = "_forge_events_session"
_FAILED = frozenset({"runner_on_failed", "runner_item_on_failed", "runner_on_async_failed"})


def reason(error: BaseException) -> str:
    """Say in one line what went wrong, without the payload that an unknown error's own words may hold."""
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}{f': {error.filename}' if error.filename else ''}"
    return type(error).__name__


class Session:
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
        self._secrets = Secrets(self._censor)
        self._limit = 0

    def open_for(self, opening: Any) -> bool:
        """Make this session the one that records; return False if another one records this very playbook or play.

        :raises OSError: the spool cannot be made.
        """
        active: Session | None = getattr(sys, _ACTIVE, None)
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
            self._secrets.play_started(play)
            self._recorder.start_play(facts.play_of(play), {})

    def passwords_given(self, play_context: Any) -> None:
        """Learn the passwords that a play is run with."""
        self._secrets.passwords_given(play_context)

    def task_started(self, task: Any, *, is_handler: bool) -> None:
        """Record the announcement of a task."""
        if self._recorder is not None:
            self._task = facts.task_of(task, is_handler=is_handler)
            self._secrets.task_announced(self._task)
            self._recorder.start_task(self._task)

    def host_began(self, host: Any, task: Any) -> None:
        """Record that a host begins a task, which was announced just before."""
        if self._recorder is not None:
            if self._task is None or self._task.uuid != task._uuid:
                self._task = facts.task_of(task)
            self._marks[host.get_name()] = facts.marks_of(self._play, host.get_name())
            self._secrets.host_began(host, self._task)
            self._recorder.begin(host.get_name(), self._task)

    def host_reported(self, event: str, result: Any, *, is_ignored: bool = False) -> None:
        """Record a result of a host, or a part of one."""
        if self._recorder is None:
            return
        host = result._host.get_name()
        known = self._recorder.known_task(host, result._task._uuid)
        found, hidden = facts.result_of(result, known, self._limit)
        if hidden is not None:
            self._secrets.withheld(event, result, known)
            self._recorder.rewrite_output(lambda text: Censor.hide(Censor.hide_errors(text), values.plain(hidden)))
        else:
            found = self._secrets.reported(event, result, known, found)
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
                variables = self._secrets.included(included._vars)
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
            custom, hidden = self._secrets.statistics(getattr(stats, "custom", None) or {})
            if hidden is not None:
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
