# SPDX-License-Identifier: GPL-3.0-or-later
"""The linear strategy with hosts that have answered before they are asked.

Everything of a run is real but the worker: where linear would fork one, a small result is ready at once. What is left
is what a run costs Ansible's own process, so the cost of a callback plugin for each result stands out.

``FORGE_EVENTS_BENCH_MARKS`` names a file that is given the memory of this process, in KiB, after every 10,000 results.
"""

from __future__ import annotations

import os
import pathlib
from typing import Any

from ansible.plugins.strategy.linear import StrategyModule as Linear

try:  # ansible-core 2.21
    from ansible._internal._task import HostTaskResult, UnifiedTaskResult
except ImportError:
    HostTaskResult = None
try:  # ansible-core 2.19 and 2.20
    from ansible.executor.task_result import _RawTaskResult as RawTaskResult
except ImportError:
    RawTaskResult = None

EVERY = 10_000


def answer(host: Any, task: Any) -> Any:
    """Make the small result of a task in the form that this version of ansible-core passes around."""
    result = {"changed": False, "ping": "pong"}
    if HostTaskResult is not None:
        return HostTaskResult(host=host, task=task, utr=UnifiedTaskResult.from_module_result_dict(result))
    if RawTaskResult is not None:
        return RawTaskResult(host=host, task=task, return_data=result, task_fields={})
    from ansible.executor.task_result import TaskResult

    return TaskResult(host, task, result, {})


class StrategyModule(Linear):
    """Linear, without its workers."""

    def __init__(self, tqm: Any) -> None:
        super().__init__(tqm)
        self._answers = 0
        self._marks = os.environ.get("FORGE_EVENTS_BENCH_MARKS")

    def _queue_task(self, host: Any, task: Any, task_vars: Any, play_context: Any) -> None:
        self._queued_task_cache[host.name, task._uuid] = {
            "host": host,
            "task": task,
            "task_vars": task_vars,
            "play_context": play_context,
        }
        self._tqm.send_callback("v2_runner_on_start", host, task)
        with self._results_lock:
            self._results.append(answer(host, task))
        self._pending_results += 1
        self._answers += 1
        if self._marks and self._answers % EVERY == 0:
            self._mark(pathlib.Path(self._marks))

    def _mark(self, marks: pathlib.Path) -> None:
        status = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
        resident = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        with marks.open("a", encoding="ascii") as file:
            file.write(f"{self._answers} {resident}\n")
