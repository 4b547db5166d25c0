# SPDX-License-Identifier: Apache-2.0
"""Ask a store of many recorded runs what people ask of Ansible, each by one command, and say how long it takes.

The runs are told as stories and spooled as a recorder would spool them: five playbooks, with hosts that fail now and
then, a task that is never idempotent, and one that became slow.
"""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from tests.cli.story import Story

if TYPE_CHECKING:
    from collections.abc import Sequence

QUESTIONS = (
    ("Why is it red?", ("why", "failed")),
    ("Which hosts fail, and at what?", ("results", "--failed", "--limit", "20")),
    ("Since when does this task fail, and where?", ("results", "--failed", "--task", "start the service")),
    ("What is different since it was last good?", ("compare", "failed")),
    ("What changed between these two runs?", ("compare", "{older}", "{newer}")),
    ("What became slower than it used to be?", ("compare", "--playbook", "site.yml")),
    ("Is it idempotent, and does it flap?", ("flapping", "--playbook", "site.yml", "--runs", "50")),
    ("What is slow in the last weeks?", ("slowest", "--since", "60")),
    ("What was done to this host?", ("results", "--host", "web3", "--changed")),
    ("Where has this message been seen?", ("search", "no space left on device")),
)
PLAYBOOKS = ("site.yml", "deploy.yml", "patch.yml", "backup.yml", "users.yml")
TASKS = (
    ("common", "gather facts"),
    ("common", "install packages"),
    ("common", "write motd"),
    ("web", "write configuration"),
    ("web", "check configuration"),
    ("web", "start the service"),
    ("db", "migrate"),
    ("db", "dump"),
    ("", "wait for the port"),
    ("", "register at the balancer"),
    ("", "smoke test"),
    ("", "tell people"),
)
HOSTS = tuple(f"web{number}" for number in range(1, 9))
MESSAGES = ("no space left on device", "could not resolve mirror.example", "timed out waiting for port 8080")
WITHIN = 1.0


def main(words: Sequence[str] | None = None) -> int:
    """Make the store, ask, and print a table; 1 where an answer took too long."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.questions", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="so many recorded runs")
    parser.add_argument("--rounds", type=int, default=5, help="each question is asked so often; the median counts")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="forge-events-questions-") as folder:
        home = pathlib.Path(folder)
        environment = {**os.environ, "FORGE_EVENTS_HOME": folder}
        began = time.monotonic()
        spool_runs(home / "spool", options.runs)
        asked(("jobs", "--limit", "1"), environment)
        made = time.monotonic() - began
        return report(options, environment, made, (home / "events.db").stat().st_size)


def report(options: argparse.Namespace, environment: dict[str, str], made: float, size: int) -> int:
    """Ask all questions and print how long the answers took."""
    print(f"{options.runs} recorded runs of {len(TASKS)} tasks on {len(HOSTS)} hosts, SQLite, {size / 2**20:.0f} MiB")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; spooled and brought in within {made:.0f} s\n")
    print(f"{'s':>5}  {'lines':>5}  question, and the command that answers it")
    slowest = 0.0
    for question, command in QUESTIONS:
        words = [word.format(older=options.runs - 5, newer=options.runs) for word in command]
        times, lines = zip(*(asked(words, environment) for _ in range(options.rounds)), strict=True)
        slowest = max(slowest, statistics.median(times))
        print(f"{statistics.median(times):5.2f}  {lines[0]:5}  {question}")
        print(f"{'':14}forge-events {subprocess.list2cmdline(words)}")
    print(
        f"\nslowest answer: {slowest:.2f} s, whole process, median of {options.rounds}; wanted: {WITHIN:.0f} s at most"
    )
    return int(slowest > WITHIN)


def asked(words: Sequence[str], environment: dict[str, str]) -> tuple[float, int]:
    """Return how many seconds a command took, and how many lines it wrote."""
    command = [sys.executable, "-m", "forge_events", *words]
    began = time.monotonic()
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return time.monotonic() - began, done.stdout.count("\n")


def spool_runs(folder: pathlib.Path, count: int) -> None:
    """Spool so many runs, the last one a minute ago, each an hour before the next."""
    chance = random.Random(1)  # noqa: S311 - the same store at each run
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
    for number in range(count):
        started = now - datetime.timedelta(hours=count - number - 1)
        story = Story(PLAYBOOKS[number % len(PLAYBOOKS)], started)
        rc = tell(story, chance, is_late=number > count * 0.9)
        user = ("alice", "bob", "ci")[number % 3]
        story.spool_to(folder, rc=rc, run_by=user, run_as="root")


def tell(story: Story, chance: random.Random, *, is_late: bool) -> int:
    """Tell one run; return its exit code.

    :param is_late: it is one of the last runs, in which a task is slower.
    """
    story.play("all")
    broken = {host: chance.choice(MESSAGES) for host in HOSTS if chance.random() < 0.03}
    for place, (role, name) in enumerate(TASKS):
        task = story.task(name, path=f"/srv/{role or 'site'}.yml:{place + 3}", details={"role": role})
        slow = 8.0 if is_late and name == "migrate" else 1.0
        for host in HOSTS:
            if place > 5 and host in broken:
                continue
            story.begin(host, task)
            took = {"duration": slow * chance.uniform(0.2, 0.4)}
            if place == 5 and host in broken:
                story.report("runner_on_failed", host, task, res={"msg": broken[host]}, ignore_errors=False, **took)
                story.message("error", f"[ERROR]: {host}: {broken[host]}\n")
            else:
                is_changed = name == "tell people" or chance.random() < 0.02
                story.report("runner_on_ok", host, task, res={"changed": is_changed}, **took)
    story.stats(ok=dict.fromkeys(HOSTS, len(TASKS)), failures=dict.fromkeys(broken, 1))
    return 2 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
