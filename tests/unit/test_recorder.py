# SPDX-License-Identifier: Apache-2.0
"""The recorder by itself: where spools go, and which event takes which output."""

from __future__ import annotations

import importlib
import pathlib
import sys
import types

import pytest

from forge_events import hierarchy, spool
from forge_events.terminal import Piece

PARTS = pathlib.Path(__file__).parents[2] / "plugins" / "plugin_utils"


@pytest.fixture(scope="module")
def parts():
    package = types.ModuleType("recorder_parts")
    package.__path__ = [str(PARTS)]
    sys.modules["recorder_parts"] = package
    return importlib.import_module("recorder_parts._recorder")


@pytest.fixture
def recorder(parts, tmp_path):
    made = parts.Recorder({"job_uuid": "job", "name": "main.yml", "pid": 1}, str(tmp_path / "home" / "spool"), None)
    yield made
    made.close()


def events(tmp_path):
    with (tmp_path / "home" / "spool" / "job.jsonl").open("rb") as file:
        return [(r.value["event"], r.value["stdout"]) for r in spool.read(file) if r.kind == "event"]


def piece(text, kind="", thread=1):
    return Piece(text, kind, 0, thread)


def test_what_is_recorded_is_for_its_owner_alone(recorder, tmp_path):
    for path in (tmp_path / "home", tmp_path / "home" / "spool", tmp_path / "home" / "spool" / "job.jsonl"):
        assert path.stat().st_mode & 0o077 == 0


def test_an_event_takes_what_was_printed_for_it(recorder, tmp_path):
    recorder._see(piece("PLAYBOOK\n"))
    recorder.start_playbook("main.yml", {})
    recorder._see(piece("PLAY\n"))
    recorder.start_play(hierarchy.Play("p", "play"), {})
    assert events(tmp_path) == [("playbook_on_start", "PLAYBOOK\n"), ("playbook_on_play_start", "PLAY\n")]


def test_messages_before_the_root_follow_it_in_the_order_shown(recorder, tmp_path):
    recorder._see(piece("early\n", "warning"))
    recorder._see(piece("PLAYBOOK\n"))
    recorder.start_playbook("main.yml", {})
    recorder.close()
    assert events(tmp_path) == [("playbook_on_start", ""), ("warning", "early\n"), ("verbose", "PLAYBOOK\n")]


def test_a_line_belongs_to_one_event(recorder, tmp_path):
    recorder.start_playbook("main.yml", {})
    recorder._see(piece("half a "))
    recorder.start_play(hierarchy.Play("p", "play"), {})
    recorder._see(piece("line\n"))
    recorder.add_to_play("playbook_on_no_hosts_matched", {})
    assert events(tmp_path)[1:] == [("playbook_on_play_start", ""), ("playbook_on_no_hosts_matched", "half a line\n")]


def test_a_message_of_another_thread_does_not_take_the_output_of_a_hook(recorder, tmp_path):
    recorder.start_playbook("main.yml", {})
    recorder._see(piece("PLAY\n", thread=1))
    recorder._see(piece("connecting\n", "verbose", thread=2))
    recorder.start_play(hierarchy.Play("p", "play"), {})
    assert events(tmp_path)[1:] == [("playbook_on_play_start", "PLAY\nconnecting\n")]


def test_an_interrupt_in_a_hook_leaves_dense_counters(recorder, tmp_path, monkeypatch):
    recorder.start_playbook("main.yml", {})

    def interrupted(*args):
        recorder._hierarchy.event_count += 2
        raise KeyboardInterrupt

    monkeypatch.setattr(recorder._hierarchy, "start_play", interrupted)
    with pytest.raises(KeyboardInterrupt):
        recorder.start_play(hierarchy.Play("p", "play"), {})
    recorder._see(piece("User interrupted execution\n", "error"))
    recorder.add_to_play("playbook_on_notify", {})
    recorder.close()
    assert events(tmp_path)[1:] == [("error", "User interrupted execution\n")]
    with (tmp_path / "home" / "spool" / "job.jsonl").open("rb") as file:
        counters = [r.value["counter"] for r in spool.read(file) if r.kind == "event"]
    assert counters == [1, 2]
