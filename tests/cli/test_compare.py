# SPDX-License-Identifier: Apache-2.0
"""What changed between runs, what never settles, and what is slow, each in one command."""

from __future__ import annotations

import datetime

import pytest

from tests.cli.story import NOON, Story


def told_to(spool, number, name="site.yml", **results):
    """Spool a run of two tasks; a result is a word and seconds for each host."""
    story = Story(name, NOON + datetime.timedelta(minutes=number))
    story.play("web")
    task = story.task("install\x07", path="/srv/site.yml:7")
    for host, (word, seconds) in results.items():
        story.begin(host, task)
        story.report(f"runner_on_{word}", host, task, res={"changed": word == "ok"}, duration=seconds)
    story.stats(ok={"a": 1}, failures={host: 1 for host, (word, _) in results.items() if word == "failed"})
    story.spool_to(spool, rc=2 if any(word == "failed" for word, _ in results.values()) else 0)


@pytest.fixture
def runs(cli):
    told_to(cli.spool, 1, a=("ok", 1.0), b=("ok", 1.0))
    told_to(cli.spool, 2, a=("ok", 1.1), b=("ok", 1.0))
    told_to(cli.spool, 3, a=("ok", 1.0), b=("failed", 80.0))
    return cli


def test_the_latest_is_compared_with_the_last_good_run(runs):
    lines = runs.good("compare").lines
    assert [line.split()[:3] for line in lines[:2]] == [["then", "job", "2"], ["now", "job", "3"]]
    assert lines[2:] == [
        "",
        "failed now and not then (1)",
        "  install\\x07 (site.yml:7): b",
        "",
        "slower (1)",
        "  install\\x07 (site.yml:7)  1.1 s -> 1 min 20 s (+1 min 19 s)",
        "",
        "hosts",
        "  b: changed -> failed",
    ]
    assert lines == runs.good("compare", "2", "3").lines == runs.good("compare", "failed").lines
    assert lines == runs.good("compare", "--playbook", "site.yml").lines
    found = runs.good("compare", "--host", "a", "--json").json
    assert (found["then"], found["now"], found["failed"], found["slower"]) == (2, 3, [], [])
    assert runs.good("compare", "1", "2").lines[2:] == ["nothing is different"]


def test_what_flaps_and_what_is_slow_is_told(runs):
    assert runs.good("flapping").lines == [
        "3 runs, jobs 1 to 3",
        "",
        "changed something in every run (1)",
        "  install\\x07 (site.yml:7): 3 of 3",
        "",
        "failed now and then (1)",
        "  install\\x07 (site.yml:7): 1 of 3, last in job 3",
    ]
    assert runs.good("flapping", "--runs", "1", "--json").json["always_changed"] == []
    lines = runs.good("slowest").lines
    assert lines[:4] == ["job 3", "", "tasks", f"  {'█' * 16} 100%   1 min 20 s  install\\x07 (site.yml:7)"]
    assert [line.split()[-1] for line in lines[-2:]] == ["b", "a"]
    (task,) = runs.good("slowest", "--since", "100000", "--json").json["tasks"]
    assert (task["times"], task["share"]) == (3, 1.0)


@pytest.mark.parametrize(
    ("words", "complaint", "rc"),
    [
        (["compare", "1"], "no run before job 1 was successful; say with which job to compare it", 3),
        (["compare", "--host", "\x00\ud800nowhere"], "there is no job", 3),
        (["compare", "--template", "none"], "there is no job template 'none'", 3),
        (["compare", "1", "--playbook", "x"], "Invalid value for --playbook: goes not with jobs", 2),
        (["compare", "1", "99"], "there is no job '99'", 3),
        (["flapping", "--runs", "0"], "Invalid value for '--runs'", 2),
        (["slowest", "nonsense"], "there is no job 'nonsense'", 3),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_an_exit_code(runs, words, complaint, rc):
    if "\x00" in "".join(words):
        words = [word.replace("\x00", "").replace("\ud800", "\udcff") for word in words]
    result = runs(*words)
    assert (result.rc, result.out) == (rc, b"")
    assert result.complaint.startswith(complaint)
