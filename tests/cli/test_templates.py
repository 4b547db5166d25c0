# SPDX-License-Identifier: Apache-2.0
"""``template``: job templates on the command line."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from forge_events.store import open_store

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

SECRET = "geheim-4711"
NOTIFYING = ["create", "x", "a.yml", "--notify", f"started=json://u:{SECRET}@h", "--message"]


@pytest.fixture
def made(anywhere: CommandLine) -> CommandLine:
    """Return a command line whose store has a template with everything in it."""
    (anywhere.home / "hosts").touch()
    (anywhere.home / "plays").mkdir()
    (anywhere.home / "plays" / "vars.yml").touch()
    words = [
        *("template", "create", "deploy", "site.yml", "--project", "plays", "-i", "hosts", "--inventory", "a,b"),
        *("-e", f"user=me password='{SECRET} x'", "-e", json.dumps({"deep": {"key": [1, SECRET]}}), "-e", "@vars.yml"),
        *("-l", "web:!db", "-t", "a,b", "--tags", "c", "--skip-tags", "d", "-f", "7", "-C", "-D", "-vv"),
        *("--timeout", "90", "--ee", "quay.io/ee:1", "--node", "node-1", "--host-count", "12"),
        *("--ask", "limit", "--ask", "tags,extra-vars", "--allow-simultaneous", "--description", "The web"),
        *("--notify", "started=json://a/?b=c", "--notify", f"failure=mailtos://u:{SECRET}@h", "--notify"),
        *(f"failure=slack://{SECRET}", "--message", "failure={{ job.name }} = broken"),
    ]
    result = anywhere(*words, cwd=anywhere.home)
    assert (result.rc, result.lines) == (0, ["job template 1  deploy"])
    # Neither is an address that Apprise could use.
    told = result.err.decode().splitlines()
    assert [line.partition(";")[0].rpartition(" ")[2] for line in told] == ["mailtos://h/…", "slack://…"]
    assert SECRET not in result.err.decode()
    return anywhere


def kept(cli, name="deploy"):
    url = cli.url or f"sqlite:///{cli.home}/events.db"
    with open_store(url) as store:
        return store.templates.get(name)


def test_everything_that_is_given_is_kept(made):
    template = kept(made)
    assert template.launch.model_dump() == {
        "playbook": "site.yml",
        "project": f"{made.home}/plays",
        "inventory": [f"{made.home}/hosts", "a,b"],
        "extra_vars": {"user": "me", "password": f"{SECRET} x", "deep": {"key": [1, SECRET]}},
        "untrusted_vars": {},
        "inventory_id": None,
        "inventory_content": {},
        "extra_vars_files": [f"{made.home}/plays/vars.yml"],
        "limit": "web:!db",
        "limit_hosts": [],
        "tags": ["a", "b", "c"],
        "skip_tags": ["d"],
        "forks": 7,
        "check": True,
        "diff": True,
        "verbosity": 2,
        "timeout": 90.0,
        "execution_environment": "quay.io/ee:1",
        "node": "node-1",
        "host_count": 12,
    }
    assert (template.ask, template.allow_simultaneous) == (["limit", "tags", "extra_vars"], True)
    assert template.description == "The web"
    notifications = template.notifications
    assert [each.url for each in notifications.started] == ["json://a/?b=c"]
    assert [each.url for each in notifications.failure] == [f"mailtos://u:{SECRET}@h", f"slack://{SECRET}"]
    assert {each.message for each in notifications.failure} == {"{{ job.name }} = broken"}
    assert notifications.started[0].message is None


def test_nothing_shows_a_secret(made):
    shown = [made.good("template", *words) for words in (["show", "deploy"], ["show", "1"], ["list"])]
    shown += [made.good("template", *words, "--json") for words in (["show", "deploy"], ["list"])]
    assert not any(SECRET.encode() in result.out for result in shown)


def test_a_template_is_shown_to_people_and_to_programs(made):
    lines = made.good("template", "show", "deploy").lines
    facts = {line[:23].strip(): line[23:] for line in lines}
    assert facts["name"] == "deploy"
    assert facts["playbook"] == "site.yml"
    assert sorted(facts["extra vars"].split(", ")) == ["deep=<hidden>", "password=<hidden>", "user=<hidden>"]
    assert facts["ask"] == "limit, tags, extra_vars"
    assert facts["tell of started"] == "json://a/…"
    assert facts["tell of failure"] == "mailtos://h/… {{ job.name }} = broken, slack://… {{ job.name }} = broken"
    found = made.good("template", "show", "deploy", "--json").json
    assert found["launch"]["extra_vars"] == {"user": "<hidden>", "password": "<hidden>", "deep": "<hidden>"}
    assert found["launch"]["limit"] == "web:!db"
    assert found["notifications"]["started"] == [{"url": "json://a/…", "message": None}]
    assert made.good("template", "list", "--json").json == [found]


def test_templates_are_listed_by_name(anywhere):
    assert anywhere.good("template", "list", "--json").json == []
    for name in ("b", "a"):
        anywhere.good("template", "create", name, "/srv/site.yml", "--project", "/srv")
    lines = anywhere.good("template", "list").lines
    assert lines[0].split() == ["ID", "NAME", "PLAYBOOK", "ASKS", "DESCRIPTION"]
    assert [line.split() for line in lines[1:]] == [["2", "a", "site.yml"], ["1", "b", "site.yml"]]


def test_what_is_not_given_stays_as_it_is(made):
    before = kept(made)
    made.good("template", "edit", "deploy")
    after = kept(made)
    assert after == before.model_copy(update={"modified": after.modified})
    assert after.modified > before.modified


def test_what_is_given_takes_the_place_of_what_was_there(made):
    words = ["-l", "db", "-t", "z", "-e", "x=1", "--no-check", "--playbook", "other.yml", "--one-at-a-time"]
    more = ["--name", "roll out", "--ask", "", "--notify", "failure=", "--notify", "success=json://z", "--timeout", "5"]
    before = kept(made).launch
    result = made.good("template", "edit", "1", *words, *more)
    assert result.lines == ["job template 1  roll out"]
    template = kept(made, "roll out")
    changes = {"limit": "db", "tags": ["z"], "check": False, "playbook": "other.yml", "timeout": 5.0}
    variables = {"extra_vars": {"x": "1"}, "extra_vars_files": []}
    assert template.launch == before.model_copy(update={**changes, **variables})
    assert (template.ask, template.allow_simultaneous, template.description) == ([], False, "The web")
    notifications = template.notifications
    assert [each.url for each in (*notifications.started, *notifications.success)] == ["json://a/?b=c", "json://z"]
    assert notifications.failure == []


def test_an_empty_value_removes_what_was_there(made):
    empty = ["-i", "", "-e", "", "-l", "", "-t", "", "-f", "0", "--timeout", "0", "--ee", "", "--node", ""]
    made.good("template", "edit", "deploy", *empty, "--host-count", "0", "--message", "failure=")
    template = kept(made)
    launch = template.launch
    assert (launch.inventory, launch.extra_vars, launch.extra_vars_files, launch.tags) == ([], {}, [], [])
    assert (launch.limit, launch.forks, launch.timeout, launch.node) == (None, None, None, None)
    assert (launch.execution_environment, launch.host_count) == (None, None)
    assert [each.message for each in template.notifications.failure] == [None, None]


def test_a_project_may_be_another_one(made):
    made.good("template", "edit", "deploy", "--project", "elsewhere", cwd=made.home)
    assert (kept(made).launch.project, kept(made).launch.playbook) == (f"{made.home}/elsewhere", "site.yml")
    made.good("template", "edit", "deploy", "--playbook", "sub/site.yml", "--project", "", cwd=made.home / "plays")
    assert (kept(made).launch.project, kept(made).launch.playbook) == (f"{made.home}/plays", "sub/site.yml")
    made.good("template", "edit", "deploy", "--project", "", cwd=made.home)
    assert (kept(made).launch.project, kept(made).launch.playbook) == (str(made.home), "plays/sub/site.yml")


def test_a_deleted_template_is_gone(made):
    made.good("template", "delete", "deploy")
    result = made("template", "show", "deploy")
    assert (result.rc, result.complaint) == (3, "there is no job template 'deploy'")


def test_a_name_is_taken_once(made):
    result = made("template", "create", "deploy", "site.yml")
    assert (result.rc, result.complaint) == (4, "the job template 'deploy' cannot be made: there is one already")
    made.good("template", "create", "other", "site.yml")
    assert made("template", "edit", "other", "--name", "deploy").rc == 4


@pytest.mark.parametrize("name", ["new\nline", "␛", "%s", "--", "größer", " "])
def test_a_name_may_hold_any_character(anywhere, name):
    anywhere.good("template", "create", "--", name, "site.yml")
    assert anywhere.good("template", "show", "--json", "--", name).json["name"] == name
    anywhere.good("template", "delete", "--", name)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["create"], "Missing argument 'NAME'"),
        (["create", "x"], "Missing argument 'PLAYBOOK'"),
        (["create", "", "a.yml"], "name cannot be used: String should have at least 1 character"),
        (["create", "x" * 600, "a.yml"], "name cannot be used: String should have at most 512 characters"),
        (["create", "x", ""], "playbook cannot be used: String should have at least 1 character"),
        (["create", "--", "x", "-a.yml"], "launch cannot be used: the name of the playbook begins with -"),
        (["create", "x", "a.yml", "-f", "-1"], "forks cannot be used: Input should be greater than or equal to 1"),
        (["create", "x", "a.yml", "-f", "9" * 30], "forks cannot be used: Input should be less than or equal to"),
        (["create", "x", "a.yml", "-f", "many"], "Invalid value for '--forks'"),
        (["create", "x", "a.yml", "-vvvvvvv"], "verbosity cannot be used: Input should be less than or equal to 6"),
        (["create", "x", "a.yml", "--timeout", "nan"], "timeout cannot be used: Input should be"),
        (["create", "x", "a.yml", "--timeout", "-1"], "timeout cannot be used: Input should be greater than 0"),
        (["create", "x", "a.yml", "--host-count", "-1"], "host_count cannot be used: Input should be greater"),
        (["create", "x", "a.yml", "-l", f"@{SECRET}"], "limit cannot be used: a part of it begins with @"),
        (["create", "x", "a.yml", "-l", ","], "limit cannot be used: it names nothing, which Ansible takes for all"),
        (["create", "x", "a.yml", "--limit=--list-hosts"], "limit cannot be used: it begins with -, as an option does"),
        (["create", "x", "a.yml", "--tags=-x"], "tags cannot be used: it begins with -"),
        (["create", "x", "a.yml", "--ee=-v/:/host"], "execution_environment cannot be used: it begins with -"),
        (["create", "x", "a.yml", "--ask", "limit_hosts"], "Invalid value for --ask: 'limit_hosts' is none of"),
        (["edit", "deploy", "-l", f"web,!@{SECRET}"], "limit cannot be used: a part of it begins with @"),
        (["launch", "deploy", "-l", f"web @{SECRET}"], "limit cannot be used: a part of it begins with @"),
        (["launch", "deploy", "-e", f"ansible_user={SECRET}"], "extra_vars.ansible_user cannot be used: it tells Ans"),
        (["launch", "deploy", "-e", f"playbook_dir={SECRET}"], "extra_vars.playbook_dir cannot be used: it tells Ans"),
        (["create", "x", "a.yml", "-e", SECRET], "Invalid value for --extra-vars: it is none of name=value"),
        (["create", "x", "a.yml", "-e", f"a='{SECRET}"], "Invalid value for --extra-vars: a quotation in it is not"),
        (["create", "x", "a.yml", "-e", f"={SECRET}"], "Invalid value for --extra-vars: it is none of name=value"),
        (["create", "x", "a.yml", "-e", f"{{a: {SECRET}"], "Invalid value for --extra-vars: it is no JSON or YAML ob"),
        (["create", "x", "a.yml", "-e", f"[{SECRET}]"], "Invalid value for --extra-vars: it is no JSON or YAML object"),
        (["create", "x", "a.yml", "-e", f"{{a: !x {SECRET}}}"], "Invalid value for --extra-vars: it is no JSON or"),
        (["create", "x", "a.yml", "-e", "a=b", f"c={SECRET}"], "Invalid value: words are left over that no option"),
        (["create", "x", "a.yml", "-e", "@"], "Invalid value for --extra-vars: @ stands before the name of a file"),
        (["create", "x", "a.yml", "--ask", "colour"], "Invalid value for --ask: 'colour' is none of playbook, proj"),
        (["create", "x", "a.yml", "--notify", f"json://{SECRET}"], "Invalid value for --notify: it begins with star"),
        (["create", "x", "a.yml", "--notify", f"started={SECRET}"], "Invalid value for --notify: an address is a URL"),
        (
            ["create", "x", "a.yml", "--notify", f"started=x://{SECRET * 900}"],
            "url cannot be used: an address is printable",
        ),
        (["create", "x", "a.yml", "--message", "end=x"], "Invalid value for --message: it begins with started="),
        (["create", "x", "a.yml", "--message", "started=x"], "Invalid value for --message: nobody is told of started"),
        ([*NOTIFYING, "started={{"], "the message for started cannot be used: line 1: unexpected 'end of template'"),
        (
            [*NOTIFYING, f"started={{{{ '{SECRET}' | x }}}}"],
            "the message for started cannot be used: line 1: No filter",
        ),
        (
            [*NOTIFYING, f"started={{{{ job.{SECRET[:6]} }}}}"],
            "the message for started cannot be used: line 1: it uses",
        ),
        ([*NOTIFYING, "started={{ 'a' * 10**9 }}"], "the message for started cannot be used: it makes too much"),
        (["edit", "deploy", "-f", "-1"], "forks cannot be used"),
        (["edit", "deploy", "--name", ""], "name cannot be used"),
        (["launch", "deploy", "-f", "3"], "forks cannot be used: the job template 'deploy' does not let it be changed"),
        (["launch", "deploy", "-e", "@x"], "extra_vars_files cannot be used: the job template 'deploy' does not let"),
        (["nonsense"], "No such command 'nonsense'"),
    ],
)
def test_bad_input_is_one_clear_line_without_a_secret(cli, words, complaint):
    cli.good("template", "create", "deploy", "site.yml", "--ask", "extra_vars,limit")
    result = cli("template", *words)
    assert (result.rc, result.out) == (2, b"")
    assert result.complaint.startswith(complaint)
    assert SECRET.encode() not in result.err


@pytest.mark.parametrize("words", [["show", "x"], ["edit", "x"], ["delete", "x"], ["launch", "x"]])
def test_a_template_that_is_not_there_is_told_of(anywhere, words):
    result = anywhere("template", *words)
    assert (result.rc, result.complaint) == (3, "there is no job template 'x'")


def test_a_message_that_cannot_be_made_changes_nothing(made):
    before = kept(made)
    result = made("template", "edit", "deploy", "--message", "failure={{ job.name }", "--description", "other")
    assert (result.rc, result.out) == (2, b"")
    assert result.complaint == "the message for failure cannot be used: line 1: unexpected '}'"
    assert kept(made) == before


def test_where_there_is_no_apprise_an_address_is_kept(cli, tmp_path):
    (tmp_path / "apprise.py").write_text("raise ImportError('not here')\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    words = ["template", "create", "x", "/srv/a.yml", "--notify", f"failure=json://u:{SECRET}@h"]
    result = cli(*words, env={"PYTHONPATH": path})
    assert (result.rc, result.lines) == (0, ["job template 1  x"])
    assert result.complaint.startswith(
        "Apprise is not installed; pip install 'forge-events[notifications]' brings it; "
    )
    assert [each.url for each in kept(cli, "x").notifications.failure] == [f"json://u:{SECRET}@h"]
