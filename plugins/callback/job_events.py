# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The callback plugin: thin hooks that hand what Ansible reports to the recorder."""

from __future__ import annotations

DOCUMENTATION = r"""
name: job_events
type: aggregate
short_description: records a run as job events
author: The forge_events authors (!UNKNOWN)
version_added: "0.1.0"
description:
  - Records every play, task and result of a run, with the output that belongs to each, as I(job events) in a strict
    hierarchy of playbook, play, task and host. The hierarchy is the same under every strategy.
  - The events go to a spool, one append-only file for each run. The C(forge-events) command, or anything that reads
    lines of JSON, takes them from there. The plugin needs no database, no network and no library beside ansible-core.
  - What C(no_log) hides is not recorded. A failure of the plugin is one warning and never changes a run.
requirements:
  - ansible-core 2.16 or later
options:
  spool_dir:
    description:
      - The folder that receives a file for each run. It is made if it is missing.
      - The default is C(spool) in O(home).
    type: path
    env:
      - name: FORGE_EVENTS_SPOOL_DIR
    ini:
      - section: callback_job_events
        key: spool_dir
    vars:
      - name: forge_events_spool_dir
  home:
    description:
      - The folder of everything that forge-events keeps.
      - The default is C(forge-events) in the user's data folder, C(~/.local/share) on Linux.
    type: path
    env:
      - name: FORGE_EVENTS_HOME
    ini:
      - section: callback_job_events
        key: home
    vars:
      - name: forge_events_home
  job_name:
    description:
      - What to call the job. The default is the name of the playbook, or the module and pattern of an ad hoc command.
    type: str
    env:
      - name: FORGE_EVENTS_JOB_NAME
    ini:
      - section: callback_job_events
        key: job_name
    vars:
      - name: forge_events_job_name
  max_result_size:
    description:
      - About how many bytes of one result are kept. Of a larger one the largest values are cut, and marked as cut.
    type: int
    default: 16777216
    env:
      - name: FORGE_EVENTS_MAX_RESULT_SIZE
    ini:
      - section: callback_job_events
        key: max_result_size
    vars:
      - name: forge_events_max_result_size
  record_stdout:
    description:
      - Whether to record what the run prints. Without it the events have no output.
    type: bool
    default: true
    env:
      - name: FORGE_EVENTS_RECORD_STDOUT
    ini:
      - section: callback_job_events
        key: record_stdout
    vars:
      - name: forge_events_record_stdout
notes:
  - Enable it as C(forge.events.job_events) in C(callbacks_enabled) when it comes from the collection. From a folder in
    C(callback_plugins) it needs no enabling.
  - Set C(bin_ansible_callbacks) to true to record the ad hoc command C(ansible) too.
"""

EXAMPLES = r"""
ansible.cfg: >
  [defaults]
  callbacks_enabled = forge.events.job_events

  [callback_job_events]
  spool_dir = /var/spool/forge-events
"""

import functools
import importlib
import os
import sys
import types
from typing import TYPE_CHECKING, Any

from ansible.plugins.callback import CallbackBase

if __name__.startswith("ansible_collections."):
    from ..plugin_utils import _session
else:
    # From a folder named in callback_plugins neither relative nor collection imports work, and an installed collection
    # may be of another version: the parts beside this file are the ones that belong to it.
    _PARTS = "_forge_events_parts"
    if _PARTS not in sys.modules:
        sys.modules[_PARTS] = types.ModuleType(_PARTS)
        sys.modules[_PARTS].__path__ = [
            os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "plugin_utils")
        ]
    _session = importlib.import_module(f"{_PARTS}._session")

if TYPE_CHECKING:
    from collections.abc import Callable


def _guarded(hook: Callable[..., None]) -> Callable[..., None]:
    """Keep everything that goes wrong in a hook from Ansible, which would end or hang the run for some of it."""

    @functools.wraps(hook)
    def guarded(self: CallbackModule, *args: Any, **kwargs: Any) -> None:
        try:
            hook(self, *args, **kwargs)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - an AssertionError hangs the results thread for ever
            self._tell_fault(error)

    return guarded


def _reporting(event: str) -> Callable[..., None]:
    """Return the hook for one kind of result."""

    @_guarded
    def report(self: CallbackModule, result: Any) -> None:
        self._session.host_reported(event, result)

    return report


class CallbackModule(CallbackBase):
    """Ansible's ``v2_*`` hooks, each of them one call of the session."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "forge.events.job_events"
    # A folder that somebody put into callback_plugins is consent enough; from a collection it is enabled by name.
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_told_fault = False
        self._session = _session.PluginSession(self._option)

    def _option(self, name: str) -> Any:
        try:
            return self.get_option(name)
        except (KeyError, AttributeError):  # used without Ansible's loader
            return None

    def _tell_fault(self, error: BaseException) -> None:
        """Warn once; what comes after it would only repeat that the record is not whole."""
        if not self._has_told_fault:
            self._has_told_fault = True
            self._display.warning(f"forge.events.job_events cannot record this run whole: {_session.reason(error)}")

    @_guarded
    def set_play_context(self, play_context: Any) -> None:
        self._session.passwords_given(play_context)

    @_guarded
    def v2_playbook_on_start(self, playbook: Any) -> None:
        self.disabled = not self._session.open_for(playbook)
        self._session.playbook_started(playbook)

    @_guarded
    def v2_playbook_on_play_start(self, play: Any) -> None:
        self.disabled = not self._session.open_for(play)
        self._session.play_started(play)

    @_guarded
    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._session.task_started(task, is_handler=False)

    @_guarded
    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self._session.task_started(task, is_handler=True)

    @_guarded
    def v2_playbook_on_include(self, included_file: Any) -> None:
        self._session.included(included_file)

    @_guarded
    def v2_playbook_on_notify(self, handler: Any, host: Any) -> None:
        self._session.notified(handler, host)

    @_guarded
    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._session.play_event("playbook_on_no_hosts_matched")

    @_guarded
    def v2_playbook_on_no_hosts_remaining(self) -> None:
        self._session.play_event("playbook_on_no_hosts_remaining")

    @_guarded
    def v2_playbook_on_vars_prompt(self, varname: str, private: bool = True, prompt: Any = None, *more: Any) -> None:
        self._session.prompted(varname, private, prompt)

    @_guarded
    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._session.ended(stats)

    @_guarded
    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._session.host_began(host, task)

    @_guarded
    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._session.host_reported("runner_on_failed", result, is_ignored=bool(ignore_errors))

    v2_runner_on_ok = _reporting("runner_on_ok")
    v2_runner_on_skipped = _reporting("runner_on_skipped")
    v2_runner_on_unreachable = _reporting("runner_on_unreachable")
    v2_runner_on_async_poll = _reporting("runner_on_async_poll")
    v2_runner_on_async_ok = _reporting("runner_on_async_ok")
    v2_runner_on_async_failed = _reporting("runner_on_async_failed")
    v2_runner_item_on_ok = _reporting("runner_item_on_ok")
    v2_runner_item_on_failed = _reporting("runner_item_on_failed")
    v2_runner_item_on_skipped = _reporting("runner_item_on_skipped")
    v2_runner_retry = _reporting("runner_retry")
    v2_on_file_diff = _reporting("runner_on_file_diff")
