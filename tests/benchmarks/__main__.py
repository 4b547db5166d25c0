# SPDX-License-Identifier: Apache-2.0
"""Measure what the plugin costs, beside no plugin, in one run, and say whether that is within its targets.

Ends with 1 if a target is missed. ``--compare`` measures other recorders too, for scale.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import pathlib
import platform
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks import playbooks, recorders, rounds, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.benchmarks.recorders import Recorder
    from tests.benchmarks.rounds import Measured
    from tests.benchmarks.targets import Row

    Maker = Callable[[pathlib.Path], Recorder]

PARTS = ("results", "memory", "small", "large")
PLUGIN_ALONE = (recorders.nothing, recorders.forge)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument(
        "--compare", action="store_true", help="also jsonl, ansible-runner and ARA, from the package index"
    )
    parser.add_argument("--rounds", type=int, help="how often each is run, by default 3 to 9 times by the part")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file too")
    return parser.parse_args()


class Size(NamedTuple):
    """How much is run under which strategy, and how often."""

    hosts: int
    tasks: int
    strategy: str
    round_count: int


class Bench:
    """The parts of the benchmark, each of which runs something and yields rows."""

    def __init__(self, folder: pathlib.Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.options = options

    def results(self) -> Iterable[Row]:
        """Measure the cost of each result where hosts answer at once, and the memory of the process."""
        found = self._measure("results", Size(100, 100, "instant", round_count=7))
        yield from targets.per_result("CPU for each small result", found, 100 * 100)
        yield from targets.peak("memory at the most", found)

    def memory(self) -> Iterable[Row]:
        """Measure how memory grows from 10,000 results to 100,000."""
        found = self._measure("memory", Size(100, 1000, "instant", round_count=1))
        yield from targets.growth("memory from 10,000 to 100,000 results", found)

    def small(self) -> Iterable[Row]:
        """Measure whole runs over ten hosts."""
        found = self._measure("small", Size(10, 100, "linear", round_count=9))
        yield from targets.end_to_end("10 hosts x 100 tasks", found)

    def large(self) -> Iterable[Row]:
        """Measure whole runs over a hundred hosts."""
        found = self._measure("large", Size(100, 100, "linear", round_count=3))
        yield from targets.end_to_end("100 hosts x 100 tasks", found)

    def scale(self) -> Iterable[Row]:
        """Measure other recorders beside the plugin: shorter runs, since some take long."""
        makers = (*PLUGIN_ALONE, *recorders.OTHERS)
        found = self._measure("scale of results", Size(30, 100, "instant", round_count=3), makers)
        yield from (row.without_target() for row in targets.per_result("for scale, each result", found, 30 * 100))
        found = self._measure("scale of runs", Size(10, 100, "linear", round_count=3), makers)
        yield from (row.without_target() for row in targets.end_to_end("for scale, 10 hosts x 100 tasks", found))

    def _measure(self, name: str, size: Size, makers: Iterable[Maker] = PLUGIN_ALONE) -> dict[str, Measured]:
        playbook = playbooks.make(self.folder / name, size.hosts, size.tasks, size.strategy)
        print(f"{name}: {size.hosts} hosts x {size.tasks} tasks under {size.strategy}", file=sys.stderr)
        chosen = [recorder for maker in makers if (recorder := _made(maker, playbook.folder))]
        return rounds.in_turns(playbook, chosen, self.options.rounds or size.round_count)


def _made(maker: Maker, folder: pathlib.Path) -> Recorder | None:
    try:
        return maker(folder)
    except subprocess.CalledProcessError as error:
        print(f"  without {maker.__name__}: {error.stderr.decode().strip().splitlines()[-1]}", file=sys.stderr)
        return None


def main() -> int:
    """Run the parts that were asked for and print the table."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="forge-events-bench-") as folder:
        bench = Bench(pathlib.Path(folder), options)
        parts = [*(options.part or PARTS), *(["scale"] if options.compare else [])]
        rows = [row for part in parts for row in getattr(bench, part)()]
    ansible = importlib.metadata.version("ansible-core")
    print(f"ansible-core {ansible}, Python {platform.python_version()}; medians, ratios to no plugin\n")
    print(targets.table(rows))
    if options.json:
        options.json.write_text(json.dumps([row._asdict() for row in rows], indent=2) + "\n", encoding="utf-8")
    return int(any(row.is_met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
