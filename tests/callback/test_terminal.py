# SPDX-License-Identifier: Apache-2.0
"""The output that is recorded is the output that the terminal was given, byte for byte."""

from __future__ import annotations

import re

import pytest

UNSTABLE = re.compile(
    rb"\d+-\d+-\d+ [\d:.]+|\d+:\d\d:[\d.]+|j?\d{6,}\.\d+|/[^ ]*tmp[\w.-]+|ansible-local-\S+",
)


def play(ansible, tmp_path, *arguments, **env):
    return ansible.play("terminal.yml", "-e", f"target={tmp_path}", *arguments, **env)


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_the_output_is_that_of_the_terminal(strategy, ansible, lawful, tmp_path):
    run = play(ansible, tmp_path, ANSIBLE_STRATEGY=strategy)
    lawful(run)
    assert run.rc == 4
    assert b"\x1b[0;" in run.output
    assert run.stdout == run.output


@pytest.mark.parametrize("verbosity", ["-v", "-vv", "-vvv"])
def test_what_is_printed_before_the_plugin_is_loaded_is_all_that_it_misses(verbosity, ansible, lawful, tmp_path):
    run = play(ansible, tmp_path, verbosity)
    lawful(run)
    assert run.output.endswith(run.stdout)
    missed = run.output[: -len(run.stdout)]
    assert b"PLAY" not in missed.replace(b"playbook", b"")
    assert run.events[0].event == "playbook_on_start"


@pytest.mark.parametrize("callback", ["minimal", "oneline"])
def test_any_stdout_callback_is_recorded(callback, ansible, lawful, tmp_path):
    run = play(ansible, tmp_path, ANSIBLE_STDOUT_CALLBACK=callback, ANSIBLE_DEPRECATION_WARNINGS="False")
    lawful(run)
    assert run.stdout == run.output


def test_each_event_has_the_text_that_was_printed_for_it(ansible, tmp_path):
    run = play(ansible, tmp_path)
    banners = [event for event in run.named("playbook_on_task_start") if event.event_data["name"] == "loop"]
    assert "TASK [loop]" in banners[0].stdout
    for event in run.under("rescues", "runner_on_ok"):
        assert f"changed: [{event.event_data['host']}]" in event.stdout
    recap = run.named("playbook_on_stats")[0].stdout
    assert "PLAY RECAP" in recap and "h3" in recap


def test_a_message_outside_of_any_callback_is_an_event_of_its_own(ansible, lawful, tmp_path):
    run = play(ansible, tmp_path, "-vvv")
    lawful(run)
    connections = [event for event in run.named("verbose") if "ESTABLISH LOCAL CONNECTION" in event.stdout]
    assert connections and all(event.parent_uuid == run.events[0].uuid for event in connections)
    warned = ansible.play("warns.yml", "-e", "gather_facts=1")
    assert {event.event for event in warned.events if "reserved name" in event.stdout} == {"warning"}


def test_the_terminal_and_the_exit_code_are_the_same_without_the_plugin(ansible, tmp_path):
    with_plugin = play(ansible, tmp_path)
    for path in tmp_path.glob("*.txt"):
        path.unlink()
    without = play(ansible, tmp_path, with_plugin=False)
    assert without.rc == with_plugin.rc
    assert stable(without.output) == stable(with_plugin.output)


def stable(output):
    """Leave out what differs from run to run: the order of hosts, names of temporary files and jobs, times."""
    return sorted(UNSTABLE.sub(b"N", output).splitlines())
