# SPDX-License-Identifier: Apache-2.0
"""What breaks is recorded as what it is, and Ansible behaves as it does without the plugin."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from .conftest import Terminal, records_of


def until(condition, seconds=60):
    """Wait for a condition of another process; its file is the only signal there is."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
    return found


def interrupted(ansible, signal_number, *, group=False):
    """Run a playbook that sleeps, send it a signal while a task runs, and return its exit code, output and spool."""
    terminal = Terminal()
    asleep = ansible.home / "asleep"
    asleep.mkdir()
    command = ["ansible-playbook", "-i", "hosts", "sleeps.yml", "-e", f"asleep={asleep}"]
    process = ansible.start(*command, terminal=terminal)
    try:
        # All modules run: a worker that is interrupted while it starts may die with a traceback, or hang Ansible.
        until(lambda: len(list(asleep.iterdir())) == 3)
        (os.killpg if group else os.kill)(process.pid, signal_number)
        rc = process.wait(60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        output = terminal.close()
    return rc, output, ansible.spools()[0]


def kinds(path):
    return [record.kind for record in records_of(path)]


def test_a_killed_playbook_leaves_what_was_announced_and_no_end(ansible):
    rc, _, path = interrupted(ansible, signal.SIGKILL)
    assert rc == -signal.SIGKILL
    assert kinds(path)[0] == "header" and "eof" not in kinds(path)
    assert [r.value["event"] for r in records_of(path) if r.kind == "event"][-1] == "runner_on_start"


def test_an_interrupted_playbook_ends_its_record_without_statistics(ansible):
    rc, output, path = interrupted(ansible, signal.SIGINT, group=True)
    end = records_of(path)[-1]
    assert rc == 99
    assert end.kind == "eof"
    assert (end.value["has_stats"], end.value["needs_stats"]) == (False, True)
    events = [record.value for record in records_of(path) if record.kind == "event"]
    assert any(event["event"] == "error" and "interrupted" in event["stdout"].lower() for event in events)
    assert "".join(event["stdout"] for event in events).encode() == output


def test_a_terminated_playbook_leaves_whole_lines(ansible):
    rc, _, path = interrupted(ansible, signal.SIGTERM)
    assert rc in (-signal.SIGTERM, 143)
    assert path.read_bytes().endswith(b"\n") and "damaged" not in kinds(path)


def test_a_dead_worker_is_recorded_like_ansible_reports_it(ansible, lawful):
    run = ansible.play("dies.yml")
    bare = ansible.play("dies.yml", with_plugin=False)
    lawful(run)
    assert run.rc == bare.rc == 1
    assert run.stdout == run.output
    assert run.records[-1].value["has_stats"] is False


def test_a_module_that_dies_is_a_failure(ansible, lawful):
    run = ansible.play("module_dies.yml")
    lawful(run)
    assert run.rc == 2
    assert len(run.under("dies", "runner_on_failed")) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_one_warning(ansible, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    check_one_warning(ansible, str(locked / "spool"))


def test_a_folder_that_is_a_file_is_one_warning(ansible, tmp_path):
    (tmp_path / "file").write_text("")
    check_one_warning(ansible, str(tmp_path / "file" / "spool"))


def check_one_warning(ansible, folder):
    run = ansible.play("handlers.yml", FORGE_EVENTS_SPOOL_DIR=folder)
    bare = ansible.play("handlers.yml", with_plugin=False)
    assert run.rc == bare.rc == 0
    assert run.output.replace(b"\n", b"").count(b"cannot record") == 1
    assert b"Traceback" not in run.output


def test_a_full_disk_is_one_warning(ansible, tmp_path):
    """The size of a file stands for the size of the disk: both end a write part of the way."""
    limited = tmp_path / "limited.py"
    limited.write_text(
        "import os, resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, resource.RLIM_INFINITY))\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    command = [sys.executable, str(limited), str(ansible.bin / "ansible-playbook"), "-i", "hosts", "handlers.yml"]
    # Modules would be limited too: the tasks of this playbook that run on hosts fail, with the plugin and without it.
    playbooks = pathlib.Path(__file__).parent / "playbooks"
    found = subprocess.run(command, cwd=playbooks, env=ansible.environment(), capture_output=True, check=False)
    bare = subprocess.run(
        command, cwd=playbooks, env=ansible.environment(with_plugin=False), capture_output=True, check=False
    )
    assert found.returncode == bare.returncode
    assert found.stderr.replace(b"\n", b" ").count(b"cannot record") == 1
    records = records_of(ansible.spools()[0])
    assert [r.value["counter"] for r in records if r.kind == "event"] == list(range(1, len(records)))


@pytest.mark.parametrize("closed", ["closed", "full", "pipe"])
def test_output_that_goes_nowhere_changes_nothing(closed, ansible, tmp_path):
    redirect = {"closed": ">&-", "full": ">/dev/full", "pipe": "| head -c 1 >/dev/null"}[closed]
    command = f"set -o pipefail; ansible-playbook -i hosts handlers.yml {redirect}; echo rc=$? >&2"
    playbooks = pathlib.Path(__file__).parent / "playbooks"
    results = []
    for with_plugin in (True, False):
        found = subprocess.run(
            ["bash", "-c", command],
            cwd=playbooks,
            env=ansible.environment(with_plugin=with_plugin),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        results.append(re.findall(r"rc=\d+", found.stderr))
        assert "cannot record" not in found.stderr
    assert results[0] == results[1]
    # Without a place to print to Ansible's own workers may fail; that too is recorded to its end.
    events = [record.value for record in records_of(ansible.spools()[0]) if record.kind == "event"]
    stats = next(event["event_data"] for event in events if event["event"] == "playbook_on_stats")
    finals = [event for event in events if event["event"] in ("runner_on_ok", "runner_on_failed")]
    assert len(finals) == sum(stats["ok"].values()) + sum(stats["failures"].values())


def test_a_plugin_that_is_enabled_twice_records_once(ansible, lawful, tmp_path):
    here = pathlib.Path(__file__).parent.parent.parent / "plugins"
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-rL", str(here), str(copy)], check=True)
    (copy / "callback" / "job_events.py").rename(copy / "callback" / "other_name.py")
    folders = f"{here / 'callback'}:{copy / 'callback'}"
    run = ansible.play("handlers.yml", ANSIBLE_CALLBACK_PLUGINS=folders)
    lawful(run)
    assert len(run.under("handler", "runner_on_ok")) == 6
