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


def test_the_terminal_is_what_it_is_without_the_plugin_and_each_event_has_its_part(ansible, lawful, tmp_path):
    run = play(ansible, tmp_path)
    lawful(run)
    assert run.rc == 4
    assert b"\x1b[0;" in run.output
    assert run.stdout == run.output
    banners = [event for event in run.named("playbook_on_task_start") if event.event_data["name"] == "loop"]
    assert "TASK [loop]" in banners[0].stdout
    for event in run.under("rescues", "runner_on_ok"):
        assert f"changed: [{event.event_data['host']}]" in event.stdout
    recap = run.named("playbook_on_stats")[0].stdout
    assert "PLAY RECAP" in recap and "h2" in recap
    for path in tmp_path.glob("*.txt"):
        path.unlink()
    without = play(ansible, tmp_path, with_plugin=False)
    assert without.rc == run.rc
    assert stable(without.output) == stable(run.output)


def test_the_output_is_that_of_the_terminal_under_free(ansible, lawful, tmp_path):
    run = play(ansible, tmp_path, ANSIBLE_STRATEGY="free")
    lawful(run)
    assert run.stdout == run.output


@pytest.mark.parametrize("verbosity", [*(pytest.param(v, marks=pytest.mark.full) for v in ("-v", "-vv")), "-vvv"])
def test_what_is_printed_before_the_plugin_is_loaded_is_all_that_it_misses(verbosity, ansible, lawful, tmp_path):
    run = play(ansible, tmp_path, verbosity)
    lawful(run)
    assert run.output.endswith(run.stdout)
    missed = run.output[: -len(run.stdout)]
    assert b"PLAY" not in missed.replace(b"playbook", b"")
    assert run.events[0].event == "playbook_on_start"
    if verbosity == "-vvv":
        connections = [event for event in run.named("verbose") if "ESTABLISH LOCAL CONNECTION" in event.stdout]
        assert connections and all(event.parent_uuid == run.events[0].uuid for event in connections)


@pytest.mark.parametrize("callback", ["minimal", pytest.param("oneline", marks=pytest.mark.full)])
def test_any_stdout_callback_is_recorded(callback, ansible, lawful, tmp_path):
    run = play(ansible, tmp_path, ANSIBLE_STDOUT_CALLBACK=callback, ANSIBLE_DEPRECATION_WARNINGS="False")
    lawful(run)
    assert run.stdout == run.output


def test_a_message_outside_of_any_callback_is_an_event_of_its_own(ansible):
    warned = ansible.play("warns.yml", "-e", "gather_facts=1")
    assert {event.event for event in warned.events if "reserved name" in event.stdout} == {"warning"}


def stable(output):
    """Leave out what differs from run to run: the order of hosts, names of temporary files and jobs, times, polls."""
    named = re.sub(rb" for h\d(?:, h\d)+", b" for hosts", UNSTABLE.sub(b"N", output))
    return sorted(line for line in named.splitlines() if b"ASYNC POLL" not in line)
