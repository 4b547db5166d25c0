# SPDX-License-Identifier: Apache-2.0
"""Every command of Ansible's that runs tasks is recorded as what it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from forge_events import hierarchy

from .conftest import PLUGINS, Run, records_of, shape


def test_two_playbooks_on_one_command_line_are_one_job_with_one_root(ansible, lawful):
    run = ansible.play("handlers.yml", "module_dies.yml", "-e", "batch=2")
    lawful(run)
    assert len(run.named("playbook_on_start")) == 1
    assert [event.event_data["playbook"] for event in run.named("playbook_on_play_start")] == [
        "handlers.yml",
        "module_dies.yml",
    ]
    assert run.named("playbook_on_stats")[-1].event_data["failures"] == {"h1": 1}
    assert run.records[-1].value["has_stats"] is True


def test_an_ad_hoc_command_is_a_job(ansible, lawful):
    run = ansible.run("ansible", "h1,h2", "-i", "hosts", "-m", "ping", ANSIBLE_LOAD_CALLBACK_PLUGINS="True")
    lawful(run)
    assert [e.event for e in run.events[:3]] == [
        "playbook_on_start",
        "playbook_on_play_start",
        "playbook_on_task_start",
    ]
    assert len(run.named("runner_on_ok")) == 2
    assert run.records[0].value["name"] == "ansible h1,h2 -m ping"
    assert run.stdout == run.output


def test_each_command_of_the_console_is_a_job_whose_root_is_made(ansible):
    commands = b"ping\ncommand false\nexit\n"
    environment = ansible.environment(ANSIBLE_LOAD_CALLBACK_PLUGINS="True")
    command = [str(ansible.bin / "ansible-console"), "-i", "hosts", "h1,h2"]
    subprocess.run(
        command,
        input=commands,
        env=environment,
        cwd=PLUGINS.parent.parent / "tests/callback/playbooks",
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert len(ansible.spools()) == 2
    for path in ansible.spools():
        run = Run(0, b"", [path])
        assert list(hierarchy.violations(run.events)) == []
        assert run.events[0].event == "playbook_on_start"
        assert run.records[-1].value["needs_stats"] is False
        assert len([e for e in run.events if e.event in ("runner_on_ok", "runner_on_failed")]) == 2
        assert run.records[0].value["parent_uuid"] is None


def test_a_playbook_that_runs_a_playbook_is_two_jobs(ansible, lawful):
    ansible.play("nested.yml", "-e", f"program={ansible.bin / 'ansible-playbook'}")
    outer, inner = sorted(ansible.spools(), key=lambda path: records_of(path)[0].value["started"])
    assert records_of(inner)[0].value["parent_uuid"] == records_of(outer)[0].value["job_uuid"]
    assert records_of(outer)[0].value["parent_uuid"] is None
    for path in (outer, inner):
        lawful(Run(0, b"", [path]))


def test_ansible_pull_is_recorded(ansible, tmp_path):
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "local.yml").write_text(
        "- {name: pulled, hosts: localhost, gather_facts: false, tasks: [{name: t, ansible.builtin.debug: {msg: 1}}]}\n"
    )
    git = ["git", "-C", str(repository), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "m"]):
        subprocess.run([*git, *arguments], check=True)
    run = ansible.run("ansible-pull", "-U", str(repository), "-d", str(tmp_path / "checkout"), "local.yml")
    assert run.rc == 0
    names = [record.value["name"] for path in run.spools for record in records_of(path) if record.kind == "header"]
    assert "local.yml" in names


def test_inside_ansible_runner_the_record_is_the_same(ansible, tmp_path):
    pytest.importorskip("ansible_runner", reason="ansible-runner is not installed beside this Python")
    script = (
        "import ansible_runner, sys, json\n"
        "a = sys.argv[1:]\n"
        "r = ansible_runner.run(private_data_dir=a[0], playbook=a[1], inventory=a[2], quiet=True)\n"
        "print(json.dumps([r.status, r.rc]))\n"
    )
    folder = PLUGINS.parent.parent / "tests/callback/playbooks"
    (tmp_path / "data").mkdir()
    arguments = [str(tmp_path / "data"), str(folder / "handlers.yml"), str(folder / "hosts")]
    found = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=ansible.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(found.stdout) == ["successful", 0]
    run = Run(0, b"", ansible.spools())
    assert list(hierarchy.violations(run.events)) == []
    assert "\x1b[K" not in run.stdout.decode()
    artifact = next((tmp_path / "data" / "artifacts").glob("*/stdout")).read_bytes()
    assert run.stdout.rstrip() == artifact.replace(b"\r\n", b"\n").rstrip()
    assert shape(run.events) == shape(ansible.play("handlers.yml").events)


def test_a_play_without_hosts_and_prompts_are_recorded(ansible, lawful):
    run = ansible.play("prompts.yml", "-e", "given=1", answer=(b"What", b"\n"))
    lawful(run)
    assert len(run.named("playbook_on_no_hosts_matched")) == 1
    prompt = run.named("playbook_on_vars_prompt")[0]
    assert prompt.event_data["varname"] == "asked"
    assert "hush" not in json.dumps(prompt.event_data)
