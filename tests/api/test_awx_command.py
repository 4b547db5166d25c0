# SPDX-License-Identifier: Apache-2.0
"""AWX's own command line, awxkit 24.6.1, in an environment of its own, against a server that runs what it launches."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.web.browsers import own_environment

PLAYBOOK = """
- hosts: all
  gather_facts: false
  connection: local
  tasks:
    - debug: {msg: "hello {{ inventory_hostname }}"}
"""


@pytest.fixture
def served(tmp_path):
    """Return the environment of a server's clients, which has a project and runs what is launched."""
    home = tmp_path / "home"
    (home / "projects" / "web").mkdir(parents=True)
    (home / "projects" / "web" / "site.yml").write_text(PLAYBOOK)
    command = [sys.executable, "-m", "forge_events", "serve", "--port", "0"]
    environment = {**os.environ, "FORGE_EVENTS_HOME": str(home), "ANSIBLE_NOCOLOR": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = next(line for line in server.stdout if "OAUTH_TOKEN" in line)
        yield environment | dict(word.split("=", 1) for word in told.split() if "=" in word)
        server.terminate()
        server.communicate(timeout=30)


@pytest.fixture
def awx(served):
    """Return what runs `awx` against a server of its own, and gives the exit code and what is printed."""
    folder = own_environment("awxkit-socket", "awxkit==24.6.1", "setuptools<82", "websocket-client==0.57.0", "six")
    script = "import sys; from awxkit.cli import run; sys.argv[0] = 'awx'; run()"

    def call(*words, **more):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, "--conf.color", "f", *words],
            env={**served, "PYTHONPATH": str(folder), **more},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return call


def test_what_is_made_launched_and_read_by_awx_s_command_line(awx):
    """Checks 4, 5, 6, 8 and 10 of what AWX's clients need."""
    for words in (
        ["inventory", "create", "--name", "i", "--organization", "1"],
        ["hosts", "create", "--name", "h1", "--inventory", "1"],
        ["projects", "create", "--name", "web", "--organization", "1", "--local_path", "web"],
    ):
        code, said = awx(*words)
        assert (code, json.loads(said)["id"]) == (0, 1), said
    new = ["job_templates", "create", "--name", "j", "--project", "web", "--playbook", "site.yml", "--inventory", "i"]
    assert awx(*new, "--ask_limit_on_launch", "true")[0] == 0
    code, said = awx(*new)
    assert code == 1 and "already exists" in said
    code, said = awx("job_templates", "launch", "j", "--monitor")
    assert code == 0 and "hello h1" in said, said
    rule = "DTSTART;TZID=Europe/Berlin:20990301T210000 RRULE:FREQ=WEEKLY;BYDAY=TU;INTERVAL=1"
    scheduled = ["schedules", "create", "--name", "s", "--unified_job_template", "1", "--rrule", rule, "--limit", "h1"]
    code, said = awx(*scheduled)
    assert (code, json.loads(said)["next_run"]) == (0, "2099-03-03T20:00:00Z"), said
    code, said = awx("schedules", "modify", "s", "--enabled", "false")
    assert (code, json.loads(said)["next_run"], json.loads(said)["limit"]) == (0, None, "h1"), said
    assert awx("schedules", "delete", "s")[0] == 0
    code, said = awx("job_templates", "launch", "j", "--limit", "h1", "--extra_vars", '{"a": 1}', "--wait")
    assert code == 0, said
    code, said = awx("jobs", "list", "--status", "successful", "--order_by=-id", "--all")
    assert [job["id"] for job in json.loads(said)["results"]] == [2, 1]
    code, said = awx("jobs", "stdout", "1")
    assert code == 0 and "TASK [debug]" in said and "hello h1" in said
    assert awx("job_templates", "delete", "j")[0] == 0
    check_login(awx)


def check_login(awx):
    """Try checks 2 and 3: a token for a name and a password, and a session."""
    code, said = awx("users", "create", "--username", "u", "--password", "s3cret", "--is_superuser", "true")
    assert code == 0 and "s3cret" not in said, said
    known = ["--conf.username", "u", "--conf.password", "s3cret"]
    code, said = awx("login", *known, "-f", "human", CONTROLLER_OAUTH_TOKEN="")
    name, _, token = said.strip().removeprefix("export ").partition("=")
    assert (code, name) == (0, "CONTROLLER_OAUTH_TOKEN") and token.startswith("fe_"), said
    for words, environment in ((["me"], {name: token}), ([*known, "me"], {name: ""})):
        code, said = awx(*words, **environment)
        assert (code, json.loads(said)["results"][0]["username"]) == (0, "u"), said
    code, said = awx("--conf.username", "u", "--conf.password", "other", "me", CONTROLLER_OAUTH_TOKEN="")
    assert code and "Valid credentials were not provided" in said, said
    for words in (["tokens", "list"], ["instances", "list"], ["instance_groups", "list"], ["unified_jobs", "list"]):
        assert awx(*words)[0] == 0, words
