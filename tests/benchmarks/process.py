# SPDX-License-Identifier: Apache-2.0
"""Run a process to its end and say what it took."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

__all__ = ["Cost", "run"]


class Cost(NamedTuple):
    """What one run took.

    :param cpu: seconds of CPU, user and system, of the process and of all its descendants that were waited for.
    :param wall: seconds by the clock.
    """

    cpu: float
    wall: float


def run(command: list[str], env: Mapping[str, str], cwd: pathlib.Path) -> Cost:
    """Run a command with its output thrown away.

    :raises RuntimeError: it did not end well.
    """
    start = time.perf_counter()
    with (cwd / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(command, env=dict(env), cwd=cwd, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        text = (cwd / "errors.txt").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{text}")
    return Cost(usage.ru_utime + usage.ru_stime, wall)
