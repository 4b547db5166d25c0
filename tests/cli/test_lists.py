# SPDX-License-Identifier: Apache-2.0
"""Lists of jobs that people can use: narrowed, counted, watched, and helpful about what was mistyped."""

from __future__ import annotations

import datetime

import pexpect
import pytest

from tests.cli.story import Story
from tests.cli.test_compare import told_to

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def runs(anywhere):
    told_to(anywhere.spool, 1, a=("ok", 1.0), b=("ok", 1.0))
    told_to(anywhere.spool, 2, "other.yml", a=("failed", 1.0), b=("failed", 1.0))
    anywhere.good("jobs")
    running = Story("young.yml", NOW - datetime.timedelta(seconds=90))
    running.begin_spool(anywhere.spool)
    return anywhere


def ids(cli, *words):
    return [job["id"] for job in cli.good("jobs", "--json", *words).json]


def test_jobs_are_narrowed_by_name_host_and_time(runs):
    assert ids(runs, "--name", "site.yml") == [1]
    assert (ids(runs, "--host", "a"), ids(runs, "--host", "a", "--name", "other.yml")) == ([2, 1], [2])
    assert (ids(runs, "--since", "12h"), ids(runs, "--since", "30m", "--until", "0m")) == ([3], [3])
    assert ids(runs, "--until", "2026-01-02T12:01:30Z") == [1]
    assert ids(runs, "--since", "2026-01-02 12:01:30+00:00", "--until", "1d") == [2]
    assert ids(runs, "--since", "999999999") == [3, 2, 1]
    assert runs("jobs", "--template", "none").complaint == "there is no job template 'none'"


def test_a_running_job_tells_how_long_and_failed_hosts_are_counted(runs):
    lines = runs.good("jobs").lines
    assert "FAILED" in lines[0]
    assert " min " in lines[1]
    assert lines[2].split()[6:8] == ["s", "2"]
    assert [job["failed_host_count"] for job in runs.good("jobs", "--json").json] == [0, 2, 0]


@pytest.mark.parametrize(
    ("words", "complaint", "rc"),
    [
        (["jobs", "--name", "sit.yml"], "no recent job has the name 'sit.yml'; did you mean site.yml?", 0),
        (["jobs", "--host", "A"], "no recent job has a host 'A'; did you mean a?", 0),
        (["jobs", "--status", "fialed"], "canceled; did you mean failed? (see", 2),
        (["jobs", "--since", "long ago"], "Invalid value for --since: 'long ago' is no time, such as 7d", 2),
        (["jobs", "--watch"], "Invalid value for --watch: is for people on a terminal", 2),
        (
            ["events", "1", "--event", "runner_on_faild"],
            "no event 'runner_on_faild'; did you mean runner_on_failed?",
            2,
        ),
        (["events", "1", "--host", "aa"], "job 1 has no host 'aa'", 0),
        (["tree", "1", "--host", "nowhere\udcff"], "job 1 has no host 'nowhere\\udcff'", 0),
        (["results", "--host", "A"], "no recent job has a host 'A'; did you mean a?", 0),
    ],
)
def test_what_was_mistyped_is_told_with_what_is_near(runs, words, complaint, rc):
    result = runs(*words)
    assert result.rc == rc
    assert complaint in result.complaint


def test_a_list_is_watched_until_ctrl_c(cli):
    told_to(cli.spool, 1, a=("ok", 1.0))
    terminal = cli.on_terminal("jobs", "--watch")
    terminal.expect("site.yml")
    told_to(cli.spool, 2, "second.yml", a=("ok", 1.0))
    terminal.expect("second.yml")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 130
