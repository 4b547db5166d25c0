# SPDX-License-Identifier: Apache-2.0
"""``run``, ``wait``, ``cancel``, ``relaunch`` and ``dispatcher``, as a user calls them."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from forge_events.output import to_text

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: greet
      debug:
        msg: "good {{ time_of_day | default('night') }}"
    - name: work
      command: sleep {{ seconds | default(0) }}
    - name: fail
      command: "false"
      when: inventory_hostname in (bad | default([]))
"""
HOSTS = ["-i", "one,two,", "-e", "ansible_connection=local"]


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "site.yml").write_text(PLAYBOOK)
    return folder


def until(is_so, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def facts(cli, job="latest"):
    return cli.good("show", str(job), "--json").json


@pytest.fixture
def dispatcher(cli):
    """Return a dispatcher that works."""
    process = cli.start("dispatcher", "--node", "here")
    try:
        until(lambda: cli.good("nodes", "--json").json)
        yield process
    finally:
        process.terminate()
        process.communicate()


def test_run_shows_the_output_and_ends_as_the_playbook_does(anywhere, project):
    result = anywhere("run", project / "site.yml", *HOSTS, "-e", "time_of_day=morning")
    assert (result.rc, result.err) == (0, b"")
    assert '"msg": "good morning"' in result.text
    assert "PLAY RECAP" in result.text
    assert "\x1b" not in result.text
    assert "".join(to_text([anywhere.good("stdout", "latest").text])) == result.text
    found = facts(anywhere)
    assert [step["new"] for step in found["transitions"]] == ["pending", "waiting", "running", "successful"]
    assert not list((anywhere.home / "work").iterdir())


def test_run_ends_with_the_exit_code_of_a_playbook_that_fails(cli, project):
    assert cli("run", project / "site.yml", *HOSTS, "-e", '{"bad": ["two"]}').rc == 2
    assert facts(cli)["status"] == "failed"


def test_a_job_is_launched_again_for_the_hosts_that_failed(cli, project):
    cli("run", project / "site.yml", *HOSTS, "-e", '{"bad": ["two"]}')
    again = cli("relaunch", "latest", "--failed-hosts")
    assert again.rc == 0
    assert b"no dispatcher is running" in again.err
    assert "-l two" in " ".join(facts(cli, again.text.strip())["command"])


@pytest.mark.parametrize(
    ("words", "complaint", "rc"),
    [
        (["run", "none.yml"], r"job 1 could not be run: the playbook .*none.yml is missing on this node", 8),
        (["run", "site.yml", "-i", "no"], r"job 1 could not be run: the inventory .*/no is missing on this node", 8),
        (["run", "site.yml", "--node", "moon", "--timeout", "-1"], "timeout cannot be used", 2),
        (["run"], "Missing argument 'PLAYBOOK'", 2),
        (["run", "--", "-x.yml"], "the name of the playbook begins with -", 2),
        (["wait", "7"], "there is no job '7'", 3),
        (["cancel", "7"], "there is no job '7'", 3),
        (["relaunch", "7"], "there is no job '7'", 3),
        (["dispatcher", "--type", "king"], "'king' is none of hybrid", 2),
        (["dispatcher", "--only", "7"], "there is no job '7'", 3),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(cli, project, words, complaint, rc):
    result = cli(*words, cwd=project)
    assert (result.rc, result.out) == (rc, b"")
    assert re.search(complaint, result.complaint), result.complaint


def test_ctrl_c_cancels_the_job(cli, project):
    process = cli.start("run", project / "site.yml", *HOSTS, "-e", "seconds=300", start_new_session=True)
    until(lambda: b"TASK [work]" in process.stdout.readline())
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 9
    assert re.search(rb"job 1 was canceled: canceled by \S+\n$", err)
    assert facts(cli)["status"] == "canceled"


def test_a_job_whose_run_was_killed_goes_on_and_is_known_to_have_ended(cli, project):
    process = cli.start("run", project / "site.yml", *HOSTS, "-e", "seconds=3")
    until(lambda: b"TASK [work]" in process.stdout.readline())
    process.kill()
    process.communicate()
    until(lambda: facts(cli)["status"] == "successful")


def test_a_detached_job_runs_by_itself(cli, project):
    job = cli.good("run", project / "site.yml", *HOSTS, "--detach").text.strip()
    result = cli("wait", job, "--timeout", "60")
    assert (result.rc, result.text) == (0, f"job {job} successful\n")


def test_a_dispatcher_runs_what_is_launched(cli, dispatcher, project):
    job = cli.good("launch", project / "site.yml", *HOSTS).text.strip()
    assert cli.good("wait", job).text == f"job {job} successful\n"
    assert facts(cli, job)["execution_node"] == "here"
    assert cli("cancel", job).complaint == f"job {job} cannot go from successful to canceled"


def test_run_leaves_the_work_to_a_dispatcher_and_can_be_canceled_from_elsewhere(cli, dispatcher, project):
    process = cli.start("run", project / "site.yml", *HOSTS, "-e", "seconds=300")
    until(lambda: b"TASK [work]" in process.stdout.readline())
    assert cli.good("cancel", "latest").text == "job 1 is being canceled\n"
    _, err = process.communicate(timeout=60)
    assert process.returncode == 9
    assert b"job 1 was canceled" in err


def test_waiting_for_too_long_is_given_up(cli, project):
    job = cli("launch", project / "site.yml").text.strip()
    result = cli("wait", job, "--timeout", "0.2")
    assert (result.rc, result.complaint) == (10, f"job {job} is still pending")
    assert "no dispatcher is running" in cli.good("show", job).text
    assert cli.good("cancel", job).text == f"job {job} canceled\n"


def test_a_recorded_job_is_not_canceled(cli, project):
    cli("record", "--", "ansible-playbook", project / "site.yml", *HOSTS)
    result = cli("cancel", "latest")
    assert result.rc == 4
    assert "was not launched by forge-events" in result.complaint or "cannot go from" in result.complaint
