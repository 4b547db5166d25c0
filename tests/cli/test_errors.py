# SPDX-License-Identifier: Apache-2.0
"""Whatever goes wrong is one line and an exit code of its own."""

from __future__ import annotations

import datetime
import os
import pathlib
import signal
import subprocess

import pytest

from tests.cli.story import example


@pytest.mark.parametrize(
    ("arguments", "env", "rc", "complaint"),
    [
        (["show", "latest"], {}, 3, "no job has been recorded yet"),
        (["show", "99"], {}, 3, "there is no job '99'"),
        (["tree", "abcdef"], {}, 3, "there is no job 'abcdef'"),
        (["jobs"], {"FORGE_EVENTS_DATABASE_URL": "mysql://u:geheim@h/d"}, 6, "mysql://h/d is no database URL"),
        (["jobs"], {"FORGE_EVENTS_DATABASE_URL": "sqlite:////dev/null/x.db"}, 6, "the database /dev/null/x.db is not"),
        (["jobs"], {"FORGE_EVENTS_SPOOL_DIR": "/dev/null"}, 7, "the setting FORGE_EVENTS_SPOOL_DIR cannot be used"),
        (["record", "--", "true"], {"FORGE_EVENTS_SPOOL_DIR": "/dev/null"}, 7, "the setting FORGE_EVENTS_SPOOL_DIR"),
        (["record", "--", "no-such-command"], {}, 127, "cannot run 'no-such-command': there is no such command"),
        (["record", "--", "/dev/null"], {}, 126, "cannot run '/dev/null': Permission denied"),
        (["record"], {}, 2, "Missing argument"),
        (["nonsense"], {}, 2, "No such command 'nonsense'"),
        (["jobs", "--nonsense"], {}, 2, "No such option: --nonsense (see forge-events jobs --help)"),
        (["jobs", "--status", "odd"], {}, 2, "Invalid value for --status: 'odd' is none of new, pending"),
        (["jobs", "--limit", "0"], {}, 2, "Invalid value for '--limit'"),
        (["jobs", "--limit", "9" * 30], {}, 2, "Invalid value for '--limit'"),
        (["events", "1", "--tail", "0"], {}, 2, "Invalid value for '--tail'"),
        (["events", "1", "--tail", "1", "--limit", "1"], {}, 2, "Invalid value for --tail: goes neither with --after"),
        (["events", "1", "--tail", "1", "--after", "1"], {}, 2, "Invalid value for --tail: goes neither with --after"),
        (["cleanup-jobs", "--days", "-1"], {}, 2, "Invalid value for '--days'"),
        (["cleanup-jobs", "--keep-last", "-1"], {}, 2, "Invalid value for '--keep-last'"),
        (["cleanup-jobs", "--status", "odd"], {}, 2, "Invalid value for --status: 'odd' is none of successful, failed"),
        (["cleanup-jobs", "--status", "running"], {}, 2, "Invalid value for --status: 'running' is none of"),
        (["usage", "--days", "0"], {}, 2, "Invalid value for '--days'"),
        (["usage", "--free", "much"], {}, 2, "Invalid value for '--free': 'much' is no size such as 500M"),
        (["usage", "--free", "-1G"], {}, 2, "Invalid value for '--free': '-1G' is no size"),
        (["usage", "--free", "20G free"], {}, 2, "Invalid value for '--free': '20G free' is no size"),
        (["usage", "--free", "9" * 400], {}, 2, "Invalid value for '--free': '999"),
        (["results"], {}, 2, "Invalid value for --host: say which host, or --failed for all hosts"),
        (["results", "--changed"], {}, 2, "Invalid value for --host: say which host, or --failed for all hosts"),
        (["results", "--failed", "--before", "12"], {}, 2, "Invalid value for --before: '12' is no job id, colon and"),
        (["results", "--failed", "--before", "1:1"], {}, 3, "there is no job '1:1'"),
        (["search", ""], {}, 2, "Invalid value for TEXT: there is nothing to find"),
        (["search"], {}, 2, "Missing argument 'TEXT'"),
        (["search", "x", "--days", "-1"], {}, 2, "Invalid value for '--days'"),
        (["db", "nonsense"], {}, 2, "No such command 'nonsense'"),
        (["stdout", "1", "--format", "pdf"], {}, 2, "Invalid value for '--format'"),
        (["stdout", "1", "--follow", "--format", "html"], {}, 2, "Invalid value for --follow: goes with ansi and text"),
        (["wait"], {}, 2, "Missing argument 'JOB'"),
    ],
)
def test_bad_input_is_one_clear_line_and_an_exit_code(cli, arguments, env, rc, complaint):
    result = cli(*arguments, env=env)
    assert (result.rc, result.out) == (rc, b"")
    assert result.complaint.startswith(complaint)


def test_a_prefix_of_several_jobs_names_them(cli):
    stories = example(), example()
    for story in stories:
        story.uuid = f"abcd{story.uuid[4:]}"
        story.spool_to(cli.spool)
    result = cli("show", "abcd")
    assert result.rc == 3
    assert all(story.uuid in result.complaint for story in stories)


def test_a_database_of_something_else_is_left_alone(cli):
    path = cli.home / "events.db"
    path.write_bytes(b"not a database, but somebody's notes " * 100)
    before = path.read_bytes()
    result = cli("jobs")
    assert result.rc == 6
    assert result.complaint.startswith(f"the database {path} is not available")
    assert path.read_bytes() == before


def test_a_broken_spool_among_others_is_told_of_and_the_others_are_read(cli):
    example().spool_to(cli.spool)
    (cli.spool / "broken.jsonl").write_text("nonsense\n")
    result = cli("jobs")
    assert result.rc == 0
    assert len(result.lines) == 2
    assert "broken.jsonl cannot be ingested" in result.complaint


def test_whoever_stops_reading_early_hears_no_complaint(cli):
    example().spool_to(cli.spool)
    cli.good("jobs")
    read, write = os.pipe()
    os.close(read)
    for command in (
        ["tree", "1"],
        ["events", "1", "--jsonl"],
        ["stdout", "1"],
        ["jobs"],
        ["export", "1"],
        ["show", "1"],
        ["results", "--host", "hostA"],
        ["usage"],
        ["partitions"],
        ["db", "current"],
        ["cleanup-jobs", "--dry-run"],
    ):
        result = cli(*command, stdout=write)
        assert (result.rc, result.err) == (141, b"")
    os.close(write)


def test_a_full_disk_is_one_line(cli):
    example().spool_to(cli.spool)
    with pathlib.Path("/dev/full").open("wb") as full:
        result = cli("export", "1", stdout=full)
    assert (result.rc, result.complaint) == (70, "No space left on device")


def test_a_closed_stdout_is_no_fault(cli):
    example().spool_to(cli.spool)
    result = cli("jobs", stdout=None, preexec_fn=lambda: os.close(1))
    assert (result.rc, result.err) == (0, b"")


def test_a_bug_is_one_line_and_a_traceback_for_those_who_ask(cli, tmp_path):
    # A fault that nothing in the library expects: its database cannot be imported.
    (tmp_path / "sqlalchemy.py").write_text("raise RuntimeError('a wrench\\nin the works')\n")
    env = {"PYTHONPATH": str(tmp_path)}
    result = cli("jobs", env=env)
    assert result.rc == 70
    assert result.complaint == (
        "internal error, RuntimeError: a wrench in the works (FORGE_EVENTS_DEBUG=1 shows where)"
    )
    asked = cli("jobs", env={**env, "FORGE_EVENTS_DEBUG": "1"})
    assert b"Traceback" in asked.err


def test_ctrl_c_ends_a_command_with_130_and_no_traceback(cli):
    example(started=datetime.datetime.now(datetime.UTC)).begin_spool(cli.spool)
    with cli.start("tree", "latest", "--follow", stdout=subprocess.DEVNULL) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"")
