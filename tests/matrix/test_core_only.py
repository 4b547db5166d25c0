# SPDX-License-Identifier: Apache-2.0
"""The built collection records by itself, in environments that have ansible-core and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from forge_events import hierarchy, tree
from tests.matrix.environments import CORE_ALONE

if TYPE_CHECKING:
    import pathlib

    from tests.matrix.conftest import Project, Run

# The document's drawing, line for line, without its lines' decoration.
DRAWING = """\
playbook_on_start
  playbook_on_play_start-preflight
    playbook_on_task_start-check_space_requirements
      runner_on_ok_hostA
      runner_on_ok_hostB
      runner_on_ok_hostC
    playbook_on_task_start-check_ram
      runner_on_ok_hostA
      runner_on_ok_hostB
      runner_on_ok_hostC
    playbook_on_task_start-check_umask
      runner_on_ok_hostA
      runner_on_ok_hostB
      runner_on_ok_hostC
  playbook_on_play_start-install
    playbook_on_task_start-install_tower
      runner_on_ok_hostA
      runner_on_ok_hostB
    playbook_on_task_start-install_postgres
      runner_on_ok_hostC
""".splitlines()

CONTAINERS = ("playbook_on_start", "playbook_on_play_start", "playbook_on_task_start")


@pytest.fixture
def example(root: pathlib.Path) -> list[str]:
    folder = root / "examples" / "job-events"
    return ["ansible-playbook", "-i", str(folder / "inventory.ini"), str(folder / "main.yml")]


@pytest.fixture
def example_in_batches(root: pathlib.Path, project: Project) -> list[str]:
    folder = root / "examples" / "job-events"
    plays = (folder / "main.yml").read_text(encoding="utf-8")
    batched = project.folder / "batches.yml"
    batched.write_text(plays.replace("gather_facts: false", "gather_facts: false\n  serial: 1"), encoding="utf-8")
    return ["ansible-playbook", "-i", str(folder / "inventory.ini"), str(batched)]


def line(event: Any) -> str:
    """Write an event as the document does."""
    level = hierarchy.EVENTS[event.event].level
    if event.event == "playbook_on_start":
        return "playbook_on_start"
    if event.event in CONTAINERS:
        return f"{'  ' * level}{event.event}-{event.event_data['name']}"
    return f"{'  ' * level}{event.event}_{event.event_data['host']}"


def drawing(events: list[Any], *, is_sorted: bool) -> list[str]:
    """Draw containers and what hosts did well below them; ``is_sorted`` puts the hosts of a task in order."""

    def draw(node: tree.TreeNode) -> list[str]:
        below = [draw(child) for child in node.children if child.event.event in (*CONTAINERS, "runner_on_ok")]
        if is_sorted and node.event.event == "playbook_on_task_start":
            below.sort()
        return [line(node.event), *(text for lines in below for text in lines)]

    (root,) = tree.build_tree(events)
    return draw(root)


def assert_is_whole(run: Run) -> None:
    """Check a spool from its header to its end, by the rules of the hierarchy."""
    assert run.rc == 0, run.output
    assert [record.kind for record in run.records if record.kind != "event"] == ["header", "eof"]
    assert run.records[0].kind == "header"
    assert run.records[-1].value["event_count"] == len(run.events)
    assert list(hierarchy.violations(run.events)) == []
    assert "".join(event.stdout for event in run.events) == run.output


def test_the_environment_has_ansible_core_alone(project):
    assert project.environment.packages() <= CORE_ALONE
    done = project.environment.run("python", "-c", "import forge_events", cwd=project.folder)
    assert "ModuleNotFoundError" in done.stdout


def test_the_example_comes_out_as_drawn_and_in_that_order_under_linear(project, example):
    run = project.run(*example, "--forks", "1")
    assert_is_whole(run)
    assert drawing(run.events, is_sorted=False) == DRAWING
    in_order = [line(event) for event in run.events if event.event in (*CONTAINERS, "runner_on_ok")]
    assert in_order == DRAWING


@pytest.mark.parametrize("strategy", ["linear", "free", "host_pinned"])
def test_the_example_has_the_same_tree_under_every_strategy(project, example, strategy):
    run = project.run(*example, ANSIBLE_STRATEGY=strategy)
    assert_is_whole(run)
    assert drawing(run.events, is_sorted=True) == DRAWING


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_the_example_has_the_same_tree_in_serial_batches(project, example_in_batches, strategy):
    run = project.run(*example_in_batches, ANSIBLE_STRATEGY=strategy)
    assert_is_whole(run)
    assert drawing(run.events, is_sorted=True) == DRAWING


def test_the_plugin_changes_neither_output_nor_exit_code(project, example):
    with_plugin = project.run(*example, "--forks", "1", "-v")
    project.configure(is_enabled=False)
    without = project.run(*example, "--forks", "1", "-v")
    assert without.records == []
    assert (with_plugin.rc, with_plugin.output) == (without.rc, without.output)


def test_the_documentation_of_every_option_is_shown(project):
    done = project.environment.run("ansible-doc", "-t", "callback", "forge.events.job_events", cwd=project.folder)
    assert done.returncode == 0, done.stdout
    text = re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", done.stdout))
    assert "Records every play, task and result of a run" in text
    assert "callbacks_enabled = forge.events.job_events" in text
    for option in ("spool_dir", "home", "job_name", "max_result_size", "record_stdout"):
        assert f"name: FORGE_EVENTS_{option.upper()}" in text
        assert f"key: {option} section: callback_job_events" in text
        assert f"name: forge_events_{option}" in text


@pytest.mark.full
def test_the_callback_tests_pass_with_the_installed_collection(project, root, tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/callback"]
    options = [f"--ansible-bin={project.environment.bin}", f"--collections={project.folder / 'collections'}"]
    options.append(f"--basetemp={tmp_path / 'callback'}")
    done = subprocess.run([*command, *options], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20000:]
