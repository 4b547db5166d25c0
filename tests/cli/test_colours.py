# SPDX-License-Identifier: Apache-2.0
"""Colours are for terminals, and only where they are wanted."""

from __future__ import annotations

import pytest

from tests.cli.conftest import shown
from tests.cli.story import DRAWING, Story, example

COMMANDS = (["tree", "1"], ["jobs"], ["hosts", "1"], ["events", "1"], ["show", "1"])


@pytest.fixture
def job(cli):
    story = example()
    task = story.task("breaks")
    story.report("runner_on_failed", "hostA", task, res={})
    story.report("runner_on_failed", "hostB", task, res={}, ignore_errors=True)
    story.spool_to(cli.spool, rc=2)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_terminal_gets_colours(cli, job, command):
    assert b"\x1b[" in shown(cli.on_terminal(*command))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_none_gets_none(cli, job, command, env):
    assert b"\x1b" not in shown(cli.on_terminal(*command, env=env))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_gets_none(cli, job, command):
    assert b"\x1b" not in cli.good(*command).out


def test_a_failure_has_another_colour_than_one_that_was_ignored(cli, job):
    lines = shown(cli.on_terminal("tree", "1")).decode().splitlines()
    failed, ignored = (next(line for line in lines if f"failed_host{letter}" in line) for letter in "AB")
    assert "\x1b[31m" in failed
    assert "\x1b[31m" not in ignored


def test_the_drawing_on_a_terminal_without_colours_is_the_documents(cli):
    example().spool_to(cli.spool)
    lines = shown(cli.on_terminal("tree", "1", "--no-skipped", env={"NO_COLOR": "1"}))
    assert lines.replace(b"\r\n", b"\n").decode() == DRAWING


def test_a_name_cannot_command_the_terminal(cli):
    Story("evil\x1b[2J\x07[red]name[/red]").spool_to(cli.spool)
    for command in COMMANDS:
        out = shown(cli.on_terminal(*command))
        assert b"\x1b[2J" not in out
        assert b"\x07" not in out
    assert "evil\\x1b[2J\\x07[red]name[/red]" in cli.good("jobs").text


def test_a_line_wider_than_the_terminal_is_not_cut(cli):
    story = Story()
    story.play("long " * 40)
    story.spool_to(cli.spool)
    assert b"long " * 40 in shown(cli.on_terminal("tree", "1"))
