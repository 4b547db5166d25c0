# SPDX-License-Identifier: Apache-2.0
"""Why did it fail, in one command."""

from __future__ import annotations

from tests.cli.conftest import shown
from tests.cli.story import Story, example
from tests.cli.test_reading import failing


def told_to(spool):
    story = Story("broken")
    story.play("web")
    task = story.task("install\x1b[2J", path="/srv/site.yml:7")
    for host in ("web1", "web2"):
        story.begin(host, task)
        story.report("runner_on_failed", host, task, res={"msg": "no \ud800 such\npackage", "stderr": "E: nothing"})
    story.results(story.task("other"), db="ok")
    story.stats(ok={"db": 1}, failures={"web1": 1, "web2": 1})
    story.spool_to(spool, rc=2)


def test_why_tells_each_message_once_with_its_hosts(anywhere):
    told_to(anywhere.spool)
    anywhere.good("jobs")
    example().spool_to(anywhere.spool, rc=0)
    lines = anywhere.good("why", "failed").lines
    assert lines[0] == "job 1 broken failed after 5.0 s: 2 of 3 hosts, 1 cause"
    assert lines[2:5] == [
        "1. install\\x1b[2J (site.yml:7), failed",
        "   /srv/site.yml:7 · play web",
        "   web1, web2",
    ]
    assert [line.strip() for line in lines[5:9]] == ["no \\ud800 such", "package", "stderr", "E: nothing"]
    assert "forge-events event 1 5" in lines
    assert lines[2:] == anywhere.good("show", "1").lines[-len(lines[2:]) :]
    found = anywhere.good("why", "1", "--json").json
    assert [(cause["hosts"], cause["detail"]["kind"]) for cause in found["causes"]] == [(["web1", "web2"], "stderr")]
    assert found["next"] == "ansible-playbook main.yml --limit web1,web2"
    assert anywhere.good("why").lines == ["job 2 main.yml successful after 5.0 s: nothing failed"]
    assert b"\x1b[2J" not in shown(anywhere.on_terminal("why", "1"))


def test_an_event_is_shown_whole(cli):
    told_to(cli.spool)
    lines = cli.good("event", "latest", "5").lines
    assert lines[:3] == [
        "event           5  runner_on_failed",
        "host            web1",
        "task            install\\x1b[2J",
    ]
    assert lines[-4:] == [
        "    no \\ud800 such",
        "    package",
        "stderr          E: nothing",
        "output          runner_on_failed: [web1]",
    ]
    assert cli.good("event", "1", "5", "--json").json["counter"] == 5
    missing = cli("event", "1", "99")
    assert (missing.rc, missing.complaint) == (3, "job 1 has no event 99; it has 11")


def test_words_name_jobs_wherever_a_job_is_named(cli):
    assert cli("why", "failed").complaint == "no job has failed yet"
    failing().spool_to(cli.spool, rc=2)
    cli.good("jobs")
    example().spool_to(cli.spool, rc=0)
    assert cli.good("show", "failed", "--json").json["id"] == 1
    assert cli.good("show", "--json").json["id"] == 2
    assert cli.good("hosts", "failed").lines != cli.good("hosts").lines
    assert cli("tree", "a1").complaint == "there is no job 'a1'; of a uuid, 4 characters are needed"
