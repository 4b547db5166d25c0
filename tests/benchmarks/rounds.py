# SPDX-License-Identifier: Apache-2.0
"""Measure recorders side by side: in turns, so that what the machine does meanwhile falls on all of them alike."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks import process
from tests.benchmarks.recorders import HERE

if TYPE_CHECKING:
    import pathlib

    from tests.benchmarks.recorders import Playbook, Recorder

__all__ = ["Measured", "in_turns"]


class Measured(NamedTuple):
    """What one recorder took in each round, in the order run.

    :param cpu: seconds of CPU of all processes.
    :param wall: seconds by the clock.
    :param peak: the most memory of Ansible's own process in KiB; empty where the recorder starts Ansible by itself.
    :param marks: for each round, the memory in KiB after so many results, where the strategy tells.
    """

    cpu: list[float]
    wall: list[float]
    peak: list[int]
    marks: list[dict[int, int]]

    def median(self, what: str) -> float:
        """Return the median of ``cpu``, ``wall`` or ``peak``."""
        return float(statistics.median(getattr(self, what)))


def in_turns(playbook: Playbook, recorders: list[Recorder], round_count: int) -> dict[str, Measured]:
    """Run a playbook with each recorder in turn, so many rounds, after one run that is not counted."""
    found = {recorder.name: Measured([], [], [], []) for recorder in recorders}
    _once(playbook, recorders[0], Measured([], [], [], []))
    for number in range(round_count):
        # Every other round the other way round: what comes second is never always the same.
        for recorder in recorders if number % 2 == 0 else reversed(recorders):
            print(f"\r  round {number + 1} of {round_count}: {recorder.name:8}", end="", file=sys.stderr, flush=True)
            _once(playbook, recorder, found[recorder.name])
    print("\r" + " " * 40 + "\r", end="", file=sys.stderr, flush=True)
    return found


def _once(playbook: Playbook, recorder: Recorder, found: Measured) -> None:
    folder = playbook.folder
    for left in ("spool", "ara", "artifacts", "env"):
        shutil.rmtree(folder / left, ignore_errors=True)
    for left in ("peak", "marks"):
        (folder / left).unlink(missing_ok=True)
    cost = process.run(recorder.command, _environment(playbook) | recorder.env, folder)
    found.cpu.append(cost.cpu)
    found.wall.append(cost.wall)
    if (folder / "peak").exists():
        found.peak.append(int((folder / "peak").read_text(encoding="ascii")))
    if (folder / "marks").exists():
        found.marks.append(_marks(folder / "marks"))
    if recorder.name == "forge":
        _check(folder / "spool", playbook.result_count)


def _environment(playbook: Playbook) -> dict[str, str]:
    return {
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_HOME": str(playbook.folder / "home"),
        # Looking for group_vars before each task is much of a run without workers, and not what is measured.
        "ANSIBLE_RUN_VARS_PLUGINS": "start",
        "ANSIBLE_STRATEGY": playbook.strategy,
        "ANSIBLE_STRATEGY_PLUGINS": str(HERE / "strategy"),
        "FORGE_EVENTS_BENCH_MARKS": str(playbook.folder / "marks"),
        "HOME": str(playbook.folder),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }


def _marks(path: pathlib.Path) -> dict[int, int]:
    lines = (line.split() for line in path.read_text(encoding="ascii").splitlines())
    return {int(count): int(resident) for count, resident in lines}


def _check(spool: pathlib.Path, result_count: int) -> None:
    """Make sure that what was measured did record every result."""
    (path,) = spool.glob("*.jsonl")
    with path.open("rb") as lines:
        events = [json.loads(line) for line in lines]
    recorded = sum(1 for line in events if line.get("event") == "runner_on_ok")
    if recorded != result_count or "eof" not in events[-1]:
        raise RuntimeError(f"{recorded} of {result_count} results are in {path}")
