# SPDX-License-Identifier: Apache-2.0
"""``forge-events record`` with real commands: exit codes, and the jobs that they become."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cli.conftest import CommandLine

ANSIBLE = ("ansible-playbook", "-i", "localhost,", "-c", "local")
GOOD = """\
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: hello}
"""


@pytest.fixture
def cli(tmp_path):
    (tmp_path / "home").mkdir()
    return CommandLine(tmp_path / "home")


@pytest.fixture
def playbook(tmp_path):
    def write(text, name="site.yml"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def job_of(cli):
    return cli.good("show", "latest", "--json").json


def record(cli, *command, **options):
    return cli("record", "--", *command, **options)


def test_a_playbook_is_a_job_and_nothing_else_is_printed(cli, playbook):
    result = cli("record", "--name", "mine", "--", *ANSIBLE, playbook(GOOD))
    assert (result.rc, result.err) == (0, b"")
    assert result.out == cli.good("stdout", "latest").out
    job = job_of(cli)
    assert (job["name"], job["status"], job["rc"], job["job_explanation"]) == ("mine", "successful", 0, "")
    assert list(cli.spool.iterdir()) == []


def test_options_of_the_command_are_the_commands_without_dashes_too(cli):
    result = cli("record", sys.executable, "-c", "import sys; print(sys.argv)", "--name", "-v", "--", "x")
    assert result.text == "['-c', '--name', '-v', '--', 'x']\n"


FAILS = "- hosts: all\n  gather_facts: false\n  tasks: [fail: {msg: no}]\n"
UNREACHABLE = "- hosts: all\n  connection: ssh\n  gather_facts: false\n  tasks: [ping: ]\n"


@pytest.mark.parametrize(
    ("text", "arguments", "end"),
    [
        (GOOD, [], (0, "successful", "")),
        (FAILS, [], (2, "failed", "")),
        (UNREACHABLE, ["--ssh-common-args=-o ProxyCommand=false"], (4, "failed", "")),
        ("- hosts: [", [], (4, "failed", "YAML")),
        ("- hosts: all\n  tasks: [{nonsense: 1}]\n", [], (4, "failed", "nonsense")),
        (GOOD, ["--syntax-check"], (0, "successful", "")),
        (GOOD, ["--list-hosts"], (0, "successful", "")),
        (GOOD, ["--limit", "nobody"], (1, "failed", "no hosts to target")),
        (GOOD, ["no-such.yml"], (1, "failed", "no-such.yml could not be found")),
        (GOOD, ["--no-such-option"], (2, "failed", "unrecognized arguments: --no-such-option")),
    ],
)
def test_the_exit_code_is_the_commands_and_the_job_tells_why(cli, playbook, text, arguments, end):
    rc, status, explanation = end
    result = record(cli, *ANSIBLE, playbook(text), *arguments)
    job = job_of(cli)
    assert (result.rc, job["rc"], job["status"]) == (rc, rc, status)
    assert explanation in job["job_explanation"]
    assert bool(explanation) == bool(job["job_explanation"])
    # Stdout and stderr are two pipes here, so their order is not that of a terminal.
    assert sorted(cli.good("stdout", "latest").out) == sorted(result.out + result.err)


def test_a_playbook_that_does_not_parse_has_a_root_and_what_was_printed(cli, playbook):
    record(cli, *ANSIBLE, playbook("- hosts: ["))
    events = [json.loads(line) for line in cli.good("events", "latest", "--jsonl").lines]
    assert [event["counter"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["event"] == "playbook_on_start"
    assert {event["parent_uuid"] for event in events[1:]} == {events[0]["uuid"]}
    assert events[1]["event"] == "error"
    assert job_of(cli)["name"] == "site.yml"
    assert job_of(cli)["ansible_version"]


@pytest.mark.parametrize("command", [["true"], ["sh", "-c", "echo hi; exit 3"]])
def test_a_command_in_which_no_ansible_runs_is_a_job_that_could_not_be_run(cli, command):
    result = record(cli, *command)
    job = job_of(cli)
    assert (job["status"], job["rc"]) == ("error", result.rc)
    assert f"exit code {result.rc}, and no Ansible" in job["job_explanation"]


def test_a_command_that_is_not_there_is_no_job(cli):
    assert record(cli, "no-such-command").rc == 127
    assert cli.good("jobs", "--json").json == []


def test_ansible_behind_another_command_is_recorded(cli, playbook):
    result = record(cli, "sh", "-c", f"{' '.join(ANSIBLE)} {playbook(GOOD)}; exit 7")
    assert result.rc == 7
    job = job_of(cli)
    assert (job["rc"], job["command"][0]) == (7, "ansible-playbook")
    assert cli.good("stdout", "latest").out == result.out


def test_of_several_runs_of_ansible_the_first_is_the_job_and_each_is_recorded(cli, playbook):
    runs = [
        f"{' '.join(ANSIBLE)} {playbook(text, f'{name}.yml')}"
        for name, text in zip("abc", (GOOD, FAILS, "- x"), strict=True)
    ]
    assert cli("record", "--name", "first", "--", "sh", "-c", "; ".join(runs)).rc == 4
    jobs = {job["name"]: (job["status"], job["rc"]) for job in cli.good("jobs", "--json").json}
    # What does not parse is found by the one who started it, and that is no recorder.
    assert jobs == {"first": ("failed", 4), "b.yml": ("failed", None)}


def test_secrets_of_the_command_line_are_not_kept(cli, playbook, tmp_path):
    secrets = ["-e", "password=hunter2", '--extra-vars={"token": "hunter3"}']
    record(cli, *ANSIBLE, playbook(GOOD), *secrets)
    record(cli, *ANSIBLE, playbook("- hosts: ["), *secrets)
    for job in cli.good("jobs", "--json").json:
        assert "-e" in job["command"]
    for path in (tmp_path / "home").rglob("*"):
        assert path.is_dir() or b"hunter" not in path.read_bytes()


def test_an_ad_hoc_command_is_a_job(cli):
    result = record(cli, "ansible", "-i", "localhost,", "-c", "local", "all", "-m", "debug", "-a", "msg=hello")
    assert (result.rc, result.out) == (0, cli.good("stdout", "latest").out)
    assert cli.good("tree", "latest").lines[-1].endswith("`-- runner_on_ok_localhost")


def test_a_console_is_recorded(cli, tmp_path):
    typed = tmp_path / "typed"
    typed.write_text("debug msg=first\nexit\n")
    with typed.open("rb") as stdin:
        result = record(cli, "ansible-console", "-i", "localhost,", "-c", "local", "all", stdin=stdin)
    assert result.rc == 0
    assert b'"msg": "first"' in cli.good("stdout", "latest").out
    assert "runner_on_ok_localhost" in cli.good("tree", "latest").text


def test_a_database_that_is_down_changes_nothing_and_loses_nothing(cli, playbook):
    result = record(cli, *ANSIBLE, playbook(FAILS), env={"FORGE_EVENTS_DATABASE_URL": "sqlite:////dev/null/events.db"})
    assert result.rc == 2
    assert result.err.decode().splitlines()[-1].startswith(f"forge-events: the job waits in {cli.spool}: the database")
    assert job_of(cli)["status"] == "failed"


def test_a_job_that_waits_nowhere_is_not_said_to_wait(cli, playbook, tmp_path):
    (tmp_path / "file").touch()
    result = record(cli, *ANSIBLE, playbook(FAILS), env={"FORGE_EVENTS_HOME": str(tmp_path / "file" / "home")})
    assert result.rc == 2
    assert b"forge-events: the job cannot be looked up: " in result.err
    assert b"waits in" not in result.err


def test_a_spool_that_cannot_be_written_changes_nothing(cli, playbook):
    result = record(cli, *ANSIBLE, playbook(GOOD), env={"FORGE_EVENTS_SPOOL_DIR": "/proc/none/spool"})
    assert result.rc == 0
    assert b"PLAY RECAP" in result.out
    assert b"Traceback" not in result.err
    assert b"forge-events: the end of the job cannot be recorded" in result.err


def test_verbose_says_which_job_it_became(cli, playbook):
    result = cli("record", "--verbose", "--", *ANSIBLE, playbook(GOOD))
    job = job_of(cli)
    assert result.complaint == f"recorded as job {job['id']} ({job['uuid']}), successful"


def test_a_playbook_that_runs_a_playbook_is_two_jobs(cli, playbook):
    inner = playbook(GOOD, "inner.yml")
    outer = playbook(
        f"- hosts: all\n  gather_facts: false\n  tasks:\n    - command: {' '.join(ANSIBLE)} {inner}\n", "outer.yml"
    )
    assert cli("record", "--name", "outer", "--", *ANSIBLE, outer).rc == 0
    jobs = {job["name"]: job for job in cli.good("jobs", "--json").json}
    assert set(jobs) == {"inner.yml", "outer"}
    assert jobs["inner.yml"]["parent_uuid"] == jobs["outer"]["uuid"]
    assert jobs["outer"]["parent_uuid"] is None
    assert {job["status"] for job in jobs.values()} == {"successful"}
    assert b"PLAY RECAP" in cli.good("stdout", str(jobs["inner.yml"]["id"])).out
