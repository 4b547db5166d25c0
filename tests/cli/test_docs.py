# SPDX-License-Identifier: Apache-2.0
"""The documentation tells every command, option, helper and exit code, and its examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import typer

from forge_events import errors
from forge_events.cli.app import app
from forge_events.tree import HELPERS
from tests.cli.conftest import ROOT
from tests.cli.story import example

PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")


def commands(group: Any, prefix: str = "") -> dict[str, Any]:
    """Return the commands of a group, and of the groups in it, by their names as they are typed."""
    found: dict[str, Any] = {}
    for name, command in vars(group)["commands"].items():
        is_group = "commands" in vars(command)
        found |= commands(command, f"{prefix}{name} ") if is_group else {prefix + name: command}
    return found


COMMANDS = commands(typer.main.get_command(app))


def section(name):
    found = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/cli.md has no section on {name}"
    return found[1]


def options(command):
    names = (name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts))
    return {name for name in names if name.startswith("-")} - {"--help", "-h"}


def told(text):
    """Return the options in the tables of a text."""
    return {
        option
        for row in re.findall(r"^\| (`-.*?) \|", text, re.MULTILINE)
        for option in re.findall(r"--?[a-zA-Z][\w-]*", row)
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_told_and_no_other(name):
    text = section(name)
    usage = re.search(rf"^    forge-events {name}.*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    assert usage
    shared = told(section("Options of a launch")) if "[OPTIONS OF A LAUNCH]" in usage[0] else set()
    assert ("(#options-of-a-launch)" in text) == bool(shared)
    assert told(text) | shared == options(COMMANDS[name])
    for option in options(COMMANDS[name]) - shared:
        assert len(option) == 2 or option in usage[0] or option == "--json"
    assert ("JOB" in usage[0]) == any(param.name == "job" for param in COMMANDS[name].params)


def test_every_command_is_told_in_the_order_of_the_help():
    sections = re.findall(r"^## ([a-z][a-z -]*)$", PAGE, re.MULTILINE)
    assert sections == list(COMMANDS)


def test_the_options_of_the_whole_are_told():
    head = PAGE.partition("\n## ")[0]
    for option in options(typer.main.get_command(app)):
        assert f"`{option}`" in head


def test_every_helper_of_the_tree_is_told():
    assert all(f"`{helper}`" in section("tree") for helper in HELPERS)


def test_every_exit_code_is_told():
    told = {
        int(code)
        for row in re.findall(r"^\| ([\d, ]+) \|", section("Exit codes"), re.MULTILINE)
        for code in row.split(",")
    }
    known = {getattr(errors, name).exit_code for name in errors.__all__}
    assert told == known | {0, 2, 70, 130, 141}


PYTHON = re.findall(
    r"^## ([^\n]*)\n(?:(?!^## ).)*?```python\n(.*?)```",
    (ROOT / "docs" / "how-to" / "python.md").read_text("utf-8"),
    re.MULTILINE | re.DOTALL,
)
SHOWN = {
    "Read what was recorded": "main.yml successful",
    "Follow a job while it runs": "PLAY RECAP",
    "Record a command": "0 ",
    "Launch a job": "canceled",
    "Errors": "4711",
}
"""What some of the examples print, among other things."""


@pytest.mark.parametrize(("title", "code"), PYTHON, ids=[title for title, _ in PYTHON])
def test_each_example_for_python_runs_alone(title, code, cli, tmp_path):
    example().spool_to(cli.spool, rc=0)
    (tmp_path / "site.yml").write_text("- hosts: localhost\n  gather_facts: false\n  tasks: []\n")
    (tmp_path / "hosts").write_text("localhost ansible_connection=local\n")
    code = code.replace("/srv/", f"{tmp_path}/").replace('"site.yml"]', '"-i", "hosts", "site.yml"]')
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"
    done = subprocess.run(  # noqa: PLW1510 - what went wrong is shown below
        [sys.executable, "-c", program], env=cli.environment(), cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert SHOWN.get(title, "") in done.stdout


def test_the_examples_for_python_have_the_types_of_the_library(tmp_path):
    assert len(PYTHON) == 8
    for number, (_, code) in enumerate(PYTHON):
        (tmp_path / f"example{number}.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
