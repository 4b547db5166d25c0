# SPDX-License-Identifier: Apache-2.0
"""The ways of recording a run that are compared, and how to have each at work on a playbook.

``none`` and ``forge`` are always there. The others are for scale and are taken if they can be installed from the
package index, into a folder of their own: ``jsonl`` is ``ansible.posix.jsonl``, out of the package ``ansible``;
``runner`` is ansible-runner, ``ara`` is ARA with its own SQLite database.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import NamedTuple

__all__ = ["OTHERS", "Playbook", "Recorder", "ara", "forge", "jsonl", "nothing", "runner"]

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "benchmarks"
BIN = pathlib.Path(sys.executable).parent


class Playbook(NamedTuple):
    """What is run.

    :param folder: where the playbook and its inventory are, and where everything that a run leaves goes.
    :param result_count: how many results of hosts a run has.
    """

    folder: pathlib.Path
    strategy: str
    result_count: int


class Recorder(NamedTuple):
    """A way of recording: a name, the environment it adds and the command that runs the playbook."""

    name: str
    env: dict[str, str]
    command: list[str]


def ansible(folder: pathlib.Path) -> list[str]:
    """Return the command that runs the playbook of a folder and reports the process's memory in ``peak``."""
    probe = [sys.executable, str(HERE / "probe.py"), str(folder / "peak")]
    return [*probe, str(BIN / "ansible-playbook"), "-i", str(folder / "hosts"), str(folder / "playbook.yml")]


def nothing(folder: pathlib.Path) -> Recorder:
    """Record nothing."""
    return Recorder("none", {}, ansible(folder))


def forge(folder: pathlib.Path) -> Recorder:
    """Record with the plugin of this checkout."""
    env = {
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "plugins" / "callback"),
        "FORGE_EVENTS_SPOOL_DIR": str(folder / "spool"),
    }
    return Recorder("forge", env, ansible(folder))


def jsonl(folder: pathlib.Path) -> Recorder:
    """Record with ``ansible.posix.jsonl``, which prints its lines."""
    where = _installed("ansible", "--no-deps", "ansible")
    env = {"ANSIBLE_COLLECTIONS_PATH": str(where), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl"}
    return Recorder("jsonl", env, ansible(folder))


def runner(folder: pathlib.Path) -> Recorder:
    """Record with ansible-runner, which is a process of its own around the run."""
    project = folder / "project"
    project.mkdir(exist_ok=True)
    (project / "playbook.yml").write_bytes((folder / "playbook.yml").read_bytes())
    command = [
        str(BIN / "ansible-runner"),
        "run",
        str(folder),
        "--inventory",
        str(folder / "hosts"),
        "-p",
        "playbook.yml",
    ]
    return Recorder("runner", {"ANSIBLE_RUNNER_QUIET": "1"}, [*command, "--quiet"])


def ara(folder: pathlib.Path) -> Recorder:
    """Record with ARA into a database beside the playbook."""
    where = _installed("ara", "ara[server]")
    env = {
        "ANSIBLE_CALLBACK_PLUGINS": str(where / "ara" / "plugins" / "callback"),
        "ARA_BASE_DIR": str(folder / "ara"),
        "PYTHONPATH": str(where),
    }
    return Recorder("ara", env, ansible(folder))


OTHERS = (jsonl, runner, ara)
"""What is measured for scale, if it can be installed."""


def _installed(name: str, *packages: str) -> pathlib.Path:
    target = CACHE / name
    if not (target / "complete").exists():
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
            str(target),
        ]
        subprocess.run([*pip, *packages], check=True, capture_output=True, env=dict(os.environ))
        (target / "complete").touch()
    return target
