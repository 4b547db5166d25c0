# SPDX-License-Identifier: Apache-2.0
"""A recorded command finds the environment and the configuration that it would have found."""

from __future__ import annotations

import json
import re
import sys

import pytest

from tests.cli.conftest import ROOT, CommandLine

ANSIBLE = ("ansible-playbook", "-i", "localhost,", "-c", "local")
ENVIRONMENT = """\
- hosts: all
  gather_facts: false
  tasks:
    - command: env -0
      register: found
    - copy: {content: "{{ found.stdout }}", dest: "{{ target }}"}
"""
NOTES = """\
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_NAME = "{name}"
    CALLBACK_NEEDS_ENABLED = {needs_enabled}
    def v2_playbook_on_stats(self, stats):
        self._display.display("{name} was here")
"""


@pytest.fixture
def cli(tmp_path):
    (tmp_path / "home").mkdir()
    return CommandLine(tmp_path / "home")


@pytest.fixture
def project(tmp_path):
    """Return a folder of a user who has an ansible.cfg, and callbacks beside it."""
    folder = tmp_path / "project"
    (folder / "mine").mkdir(parents=True)
    for name, needs_enabled in (("always", False), ("enabled", True), ("disabled", True)):
        (folder / "mine" / f"{name}.py").write_text(NOTES.format(name=name, needs_enabled=needs_enabled))
    (folder / "ansible.cfg").write_text("[defaults]\ncallback_plugins = mine ; ours\ncallbacks_enabled = enabled\n")
    (folder / "site.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: [debug: ]\n")
    return folder


def environment_of_a_task(cli, tmp_path, **env):
    (tmp_path / "env.yml").write_text(ENVIRONMENT)
    target = tmp_path / "env"
    result = cli("record", "--", *ANSIBLE, str(tmp_path / "env.yml"), "-e", f"target={target}", env=env)
    assert (result.rc, result.err) == (0, b"")
    return dict(line.split("=", 1) for line in target.read_text().split("\0") if line)


def test_tasks_inherit_nothing_of_the_bootstrap(cli, tmp_path):
    found = environment_of_a_task(cli, tmp_path)
    assert "PYTHONPATH" not in found
    assert {name for name in found if name.startswith("FORGE_EVENTS_")} == {
        "FORGE_EVENTS_HOME",
        "FORGE_EVENTS_PARENT_JOB",
        "FORGE_EVENTS_SPOOL_DIR",
    }


def test_the_users_python_path_stays(cli, tmp_path):
    assert environment_of_a_task(cli, tmp_path, PYTHONPATH="/a:/b")["PYTHONPATH"] == "/a:/b"


def test_the_users_callbacks_run_as_configured(cli, project):
    result = cli("record", "--", *ANSIBLE, "site.yml", cwd=project)
    bare = cli("record", "--", "true", cwd=project)
    assert b"always was here" in result.out
    assert b"enabled was here" in result.out
    assert b"disabled was here" not in result.out
    assert (result.err, bare.err) == (b"", b"")
    assert cli.good("stdout", "1").out == result.out


def test_an_ad_hoc_command_loads_no_callbacks_that_it_would_not_load(cli, project):
    (project / "ansible.cfg").write_text((project / "ansible.cfg").read_text() + "stdout_callback = oneline\n")
    command = ("ansible", "-i", "localhost,", "-c", "local", "all", "-m", "debug", "-a", "msg=hi")
    recorded = cli("record", "--", *command, cwd=project)
    # Not in one line, as the stdout callback of ansible.cfg would have it.
    assert recorded.out == b'localhost | SUCCESS => {\n    "msg": "hi"\n}\n'
    assert cli.good("stdout", "latest").out == recorded.out
    with_callbacks = cli("record", "--", *command, cwd=project, env={"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"})
    assert re.search(rb'^localhost \| SUCCESS => {.*"msg": "hi"}', with_callbacks.out, re.MULTILINE)
    assert b"always was here" in with_callbacks.out
    # The warnings that a deprecated callback brings come on the other stream.
    assert sorted(cli.good("stdout", "latest").out) == sorted(with_callbacks.out + with_callbacks.err)


def test_a_plugin_that_is_configured_already_records_once(cli, project):
    plugins = ROOT / "plugins" / "callback"
    (project / "ansible.cfg").write_text(f"[defaults]\ncallback_plugins = {plugins}\ncallbacks_enabled = job_events\n")
    assert cli("record", "--", *ANSIBLE, "site.yml", cwd=project).rc == 0
    (job,) = cli.good("jobs", "--json").json
    assert (job["status"], job["rc"]) == ("successful", 0)


CHAINED = (
    "import os, sys; print('chained', sys.path.count({folder!r}), os.environ.get('PYTHONPATH'), file=sys.stderr)\n"
)


def test_the_users_own_sitecustomize_runs_after_all(cli, project, tmp_path):
    folder = tmp_path / "custom"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CHAINED.format(folder=str(folder)))
    result = cli("record", "--", *ANSIBLE, "site.yml", cwd=project, env={"PYTHONPATH": str(folder)})
    # The recorder's own Python runs it first.
    assert result.err.decode().splitlines()[:2] == [f"chained 1 {folder}"] * 2


def test_a_sitecustomize_that_fails_says_so_as_ever(cli, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("raise ValueError('mine')\n")
    result = cli("record", "--", "ansible", "--version", env={"PYTHONPATH": str(tmp_path)})
    assert result.rc == 0
    assert (
        result.err.decode().count("Error in sitecustomize; set PYTHONVERBOSE for traceback:\nValueError: mine\n") == 2
    )


def test_a_bootstrap_that_cannot_work_is_not_noticed(cli, project, tmp_path):
    env = {"TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    script = f"rm -r {tmp_path}/tmp/forge-events-*; exec {' '.join(ANSIBLE)} site.yml"
    result = cli("record", "--", "sh", "-c", script, cwd=project, env=env)
    assert (result.rc, result.err) == (0, b"")
    assert cli.good("stdout", "latest").out == result.out


def test_other_programs_pass_the_bootstrap_on(cli, project):
    wrapper = f"import subprocess, sys; sys.exit(subprocess.call({[*ANSIBLE, 'site.yml', '--syntax-check']!r}))"
    result = cli("record", "--", sys.executable, "-c", wrapper, cwd=project)
    assert result.rc == 0
    job = cli.good("show", "latest", "--json").json
    assert (job["status"], job["rc"]) == ("successful", 0)
    assert cli.good("stdout", "latest").out == b"\nplaybook: site.yml\n"


def test_no_file_is_left_behind(cli, project, tmp_path):
    (tmp_path / "tmp").mkdir()
    env = {"TMPDIR": str(tmp_path / "tmp"), "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local")}
    for arguments in (["site.yml"], ["nope.yml"]):
        cli("record", "--", *ANSIBLE, *arguments, cwd=project, env=env)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [path.name for path in cli.spool.iterdir()] == []
    assert len(json.loads(cli.good("jobs", "--json").out)) == 2
