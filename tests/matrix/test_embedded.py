# SPDX-License-Identifier: Apache-2.0
"""The installed collection records what a program does that has Ansible inside, without a command of Ansible's.

The program is pytest with pytest-ansible, whose fixtures run modules by Ansible's own classes. It runs in a process of
its own, because Ansible has to be told of the collection before it is imported.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest

from forge_events import hierarchy, spool

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = pathlib.Path(__file__).parent / "embedding" / "modules.py"
# Nothing of these tests' own configuration is in force there.
ALONE = ["-c", os.devnull, "--noconftest", "-p", "no:cacheprovider"]


@pytest.fixture(scope="module")
def spools(tarball: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> list[pathlib.Path]:
    """Run the program with the collection, and return the spools that it left, oldest first."""
    folder = tmp_path_factory.mktemp("embedding")
    env = {
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "ANSIBLE_CALLBACKS_ENABLED": "forge.events.job_events",
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_PYTHON_INTERPRETER": os.path.realpath(sys.executable),
        "ANSIBLE_REMOTE_TMP": str(folder / "remote"),
        "FORGE_EVENTS_SPOOL_DIR": str(folder / "spool"),
    }
    install = ["ansible-galaxy", "collection", "install", "-p", str(folder / "collections"), str(tarball)]
    run(install, folder, env)
    run([sys.executable, "-m", "pytest", *ALONE, "--ansible-unit-inject-only", str(PROGRAM)], folder, env)
    return sorted((folder / "spool").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)


def run(command: list[str], folder: pathlib.Path, env: Mapping[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def events(path: pathlib.Path) -> list[Any]:
    """Return the events of a spool that has to be whole."""
    with path.open("rb") as file:
        records = list(spool.read(file))
    assert [record.kind for record in records if record.kind != "event"] == ["header", "eof"]
    return [types.SimpleNamespace(**record.value) for record in records if record.kind == "event"]


def test_each_run_of_a_module_is_a_job_of_its_own(spools):
    found = [events(path) for path in spools]
    assert [list(hierarchy.violations(one)) for one in found] == [[], []]
    tasks = [[event.event_data["name"] for event in one if event.event == "playbook_on_task_start"] for one in found]
    assert tasks == [["ansible.builtin.ping"], ["ansible.builtin.command"]]


def test_each_host_has_its_result_below_the_task(spools):
    for path, name in zip(spools, ("runner_on_ok", "runner_on_failed"), strict=True):
        found = events(path)
        (task,) = [event.uuid for event in found if event.event == "playbook_on_task_start"]
        results = [event for event in found if event.event == name]
        assert sorted(event.event_data["host"] for event in results) == ["one", "two"]
        assert {event.parent_uuid for event in results} == {task}
