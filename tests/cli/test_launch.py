# SPDX-License-Identifier: Apache-2.0
"""``launch`` and ``template launch``: queue jobs from the command line."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

import pytest

from forge_events.nodes import Machine, NodeType
from forge_events.store import open_store
from forge_events.store.records import Process
from tests.cli.story import example

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

SECRET = "geheim-4711"
NOBODY = "no dispatcher is running; start one with `forge-events dispatcher`"


def manned(cli: CommandLine, node="here", seconds_ago=-200.0, **facts):
    """Have a process work on a node, last seen so many seconds ago, or as if it were in a while."""
    cli.settings["FORGE_EVENTS_NODE_LOST_AFTER"] = "250"  # the tests of a busy machine may take a while
    at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds_ago)
    process = Process(
        **{"id": 0, "node": node, "machine": f"m-{node}", "pid": 1, "process_started": at, "last_seen": at, **facts}
    )
    with open_store(cli.url) as store:
        store.nodes.register(node, at, node_type=NodeType.HYBRID)
        store.nodes.sign_on(process, Machine(cpu=2, memory=2**32), "1", lost_after=30)


def launched(cli, job):
    with open_store(cli.url) as store:
        return store.queue.launch_of(job)


def test_a_launch_prints_the_id_alone(anywhere):
    manned(anywhere)
    result = anywhere.good("launch", "plays/site.yml", "-i", "a,b", "-e", f"p={SECRET}", cwd=anywhere.home)
    assert result.text == "1\n"
    what = launched(anywhere, 1)
    assert (what.project, what.playbook, what.inventory) == (str(anywhere.home), "plays/site.yml", ["a,b"])
    assert what.extra_vars == {"p": SECRET}
    shown = anywhere.good("show", "1", "--json")
    assert (shown.json["name"], shown.json["status"], shown.json["launch_type"]) == ("site.yml", "pending", "manual")
    assert SECRET not in shown.text


def test_a_launch_is_told_to_programs(anywhere):
    manned(anywhere)
    job = anywhere.good("launch", "/srv/site.yml", "--project", "/srv", "--name", "roll out", "--json").json
    assert (job["id"], job["name"], job["status"], job["directory"]) == (1, "roll out", "pending", "/srv")


def test_the_settings_say_what_a_job_takes(anywhere):
    manned(anywhere)
    anywhere.good("template", "create", "t", "/srv/site.yml", "-i", "a,b,c")
    for impact, expected in (("hosts", 4), ("forks", 5)):
        env = {"FORGE_EVENTS_IMPACT": impact}
        assert anywhere.good("launch", "/srv/site.yml", "-i", "a,b,c", "--json", env=env).json["impact"] == expected
        assert anywhere.good("template", "launch", "t", "--json", env=env).json["impact"] == expected


def test_where_nobody_can_run_it_that_is_said(anywhere):
    result = anywhere("launch", "/srv/site.yml")
    assert (result.rc, result.text, result.complaint) == (0, "1\n", NOBODY)
    manned(anywhere, "gone", seconds_ago=300)
    manned(anywhere, "busy", only_job_id=1)
    assert anywhere("launch", "/srv/site.yml").complaint == NOBODY
    manned(anywhere, "here")
    anywhere.good("launch", "/srv/site.yml")
    why = anywhere("launch", "/srv/site.yml", "--node", "gone").complaint
    assert re.fullmatch(r"the job waits for node gone: its dispatcher was last seen \d+ s ago: it was killed, .*", why)
    anywhere.good("launch", "/srv/site.yml", "--node", "here")


def test_a_node_that_nobody_knows_is_waited_for_and_that_is_said(anywhere):
    manned(anywhere)
    unknown = "node nope is not known; the job waits until a dispatcher works there"
    result = anywhere("launch", "/srv/site.yml", "--node", "nope")
    assert (result.rc, result.text, result.complaint) == (0, "1\n", unknown)
    anywhere.good("template", "create", "t", "/srv/site.yml", "--node", "nope")
    assert anywhere("template", "launch", "t").complaint == unknown
    assert anywhere("run", "/srv/site.yml", "--node", "nope", "--detach").complaint == unknown
    anywhere.good("cancel", "1")
    assert anywhere("relaunch", "1").complaint == unknown


def test_a_node_that_takes_no_jobs_is_named_with_its_reason(anywhere):
    manned(anywhere)
    manned(anywhere, "off")
    anywhere.good("node", "disable", "off")
    why = "the job waits for node off: its owner disabled it: it gets no more jobs until it is enabled"
    assert anywhere("launch", "/srv/site.yml", "--node", "off").complaint == why
    anywhere.good("node", "set", "here", "--type", "control")
    assert anywhere("launch", "/srv/site.yml").rc == 0


def test_a_job_may_wait_for_others(anywhere):
    manned(anywhere)
    first = anywhere.good("launch", "/srv/a.yml", "--json").json
    anywhere.good("launch", "/srv/b.yml", "--after", "1", "--after", first["uuid"][:8])
    job = anywhere.good("launch", "/srv/c.yml", "--after", "latest", "--after", "1", "--json").json
    assert job["blocker_count"] == 2
    with open_store(anywhere.url) as store:
        assert [blocker.id for blocker in store.queue.blockers(job["id"])] == [1, 2]


def test_a_job_may_wait_for_one_that_is_spooled(anywhere):
    manned(anywhere)
    example().spool_to(anywhere.spool, rc=0)
    assert anywhere.good("launch", "/srv/a.yml", "--after", "latest").text == "2\n"


def test_what_cannot_be_waited_for_is_refused(anywhere):
    assert anywhere("launch", "/srv/a.yml", "--after", "7").complaint == "there is no job '7'"
    anywhere("launch", "/srv/a.yml")
    with open_store(anywhere.url) as store:
        store.queue.request_cancel(store.job("1"), datetime.datetime.now(datetime.UTC), "test")
    result = anywhere("launch", "/srv/b.yml", "--after", "1")
    assert (result.rc, result.out, result.complaint) == (2, b"", "after cannot be used: job 1 is canceled")


def test_a_template_is_launched_with_what_it_asks(anywhere):
    manned(anywhere)
    anywhere.good("template", "create", "deploy", "/srv/site.yml", "--ask", "limit,extra_vars", "-e", "a=1 b=2")
    result = anywhere.good("template", "launch", "deploy", "-l", "web", "-e", f"b={SECRET}")
    assert result.text == "1\n"
    what = launched(anywhere, 1)
    assert (what.limit, what.extra_vars, what.untrusted_vars) == ("web", {"a": "1", "b": "2"}, {"b": SECRET})
    job = anywhere.good("template", "launch", "1", "--after", "1", "--json").json
    assert (job["name"], job["job_template_id"], job["blocker_count"]) == ("deploy", 1, 1)
    assert launched(anywhere, 2).extra_vars == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "Missing argument 'PLAYBOOK'"),
        (["a.yml", "-f", "-3"], "forks cannot be used"),
        (["a.yml", "-l", f"@{SECRET}"], "limit cannot be used: a part of it begins with @"),
        (["a.yml", "-e", SECRET], "Invalid value for --extra-vars"),
        (["a.yml", "-e", "a=b", f"c={SECRET}"], "Invalid value: words are left over that no option takes"),
        (["a.yml", "--nonsense"], "No such option: --nonsense"),
    ],
)
def test_bad_input_is_one_clear_line_without_a_secret(cli, words, complaint):
    result = cli("launch", *words)
    assert (result.rc, result.out) == (2, b"")
    assert result.complaint.startswith(complaint)
    assert SECRET.encode() not in result.err
