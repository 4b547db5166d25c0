# SPDX-License-Identifier: Apache-2.0
"""Job templates in the store."""

from __future__ import annotations

import subprocess
import sys

import pytest

from forge_events.errors import InvalidLaunch, NameTaken, UnknownTemplate
from forge_events.launches import Launch
from forge_events.templates import JobTemplate, Notification, Notifications
from tests.conftest import ROOT
from tests.store.making import NOW, later

WHAT = Launch.of(
    playbook="site.yml",
    project="/srv/project",
    inventory=["hosts", "a,b"],
    extra_vars={"secret": "geheim", "deep": {"list": [1, 2.5, None, True, "␛\0é"]}},
    extra_vars_files=["vars.yml"],
    limit="web:!db",
    tags=["a", "b"],
    skip_tags=["c"],
    forks=7,
    check=True,
    diff=True,
    verbosity=3,
    timeout=1.5,
    execution_environment="quay.io/ee:latest",
    node="node-1",
    host_count=12,
)


def template(name="deploy", **fields):
    return JobTemplate(**{"name": name, "launch": WHAT, "created": NOW, "modified": NOW, **fields})


def test_what_is_added_comes_back_whole_with_an_id(store):
    notifications = Notifications(
        started=[Notification(url="json://h")], failure=[Notification(url="mailto://u:geheim@h", message="{{ job }}")]
    )
    new = template(
        description="of\nthe \0 web", ask=["limit", "tags"], allow_simultaneous=True, notifications=notifications
    )
    added = store.templates.add(new)
    assert added == new.model_copy(update={"id": added.id})
    assert added.id > 0
    assert store.templates.get("deploy") == added
    assert store.templates.get(str(added.id)) == added


def test_a_message_that_cannot_be_made_is_not_stored(store):
    def telling(message):
        return Notifications(success=[Notification(url="json://u:geheim@h", message=message)])

    broken = telling("{{ job['geheim'] }}")
    with pytest.raises(InvalidLaunch) as caught:
        store.templates.add(template(notifications=broken))
    assert str(caught.value).startswith("the message for success cannot be used: line 1: ")
    assert "geheim" not in str(caught.value)
    assert store.templates.all() == []
    added = store.templates.add(template(notifications=telling("{{ job.name }}")))
    with pytest.raises(InvalidLaunch):
        store.templates.replace(added.model_copy(update={"notifications": broken}))
    assert store.templates.get("deploy") == added


def test_a_name_goes_before_an_id(store):
    first = store.templates.add(template("first"))
    second = store.templates.add(template(str(first.id)))
    assert store.templates.get(str(first.id)) == second


@pytest.mark.parametrize("name", ["", "nonsense", "0", "99", "9" * 30, "²", "-1", "x" * 3000, "nul\0"])
def test_a_template_that_is_not_there_is_unknown(store, name):
    store.templates.add(template())
    with pytest.raises(UnknownTemplate):
        store.templates.get(name)
    with pytest.raises(UnknownTemplate):
        store.templates.delete(name)


def test_a_name_is_taken_once(store):
    store.templates.add(template())
    with pytest.raises(NameTaken, match="the job template 'deploy' cannot be made: there is one already"):
        store.templates.add(template())
    assert len(store.templates.all()) == 1
    assert store.templates.add(template("Deploy")).name == "Deploy"


@pytest.mark.parametrize("name", ["nul\0", "␛", "new\nline", " ", "%", "'", "\U0001f600" * 128, "\u202e", "a/b", "--x"])
def test_a_name_may_hold_any_character(store, name):
    added = store.templates.add(template(name))
    assert added.name == name
    assert store.templates.get(name) == added
    store.templates.delete(name)
    assert store.templates.all() == []


def test_a_name_that_would_have_to_be_cut_is_refused(store):
    with pytest.raises(InvalidLaunch, match="more than 1024 bytes"):
        store.templates.add(template("\U0001f600" * 400))
    added = store.templates.add(template())
    with pytest.raises(InvalidLaunch, match="more than 1024 bytes"):
        store.templates.replace(added.model_copy(update={"name": "\0" * 400}))


def test_all_are_listed_by_name(store):
    for name in ("b", "a", "é", "B"):
        store.templates.add(template(name))
    assert [found.name for found in store.templates.all()] == ["B", "a", "b", "é"]


def test_a_replaced_template_keeps_its_id(store):
    added = store.templates.add(template())
    other = store.templates.add(template("other"))
    changed = added.model_copy(
        update={"name": "renamed", "launch": WHAT.changed(limit=None, forks=None), "ask": [], "modified": later(60)}
    )
    assert store.templates.replace(changed) == changed
    assert store.templates.all() == [other, changed]


def test_a_replaced_template_may_keep_its_name_and_take_no_other(store):
    added = store.templates.add(template())
    store.templates.add(template("other"))
    assert store.templates.replace(added) == added
    with pytest.raises(NameTaken, match="'other'"):
        store.templates.replace(added.model_copy(update={"name": "other"}))
    assert store.templates.get("deploy") == added


def test_what_is_gone_is_not_replaced(store):
    added = store.templates.add(template())
    store.templates.delete("deploy")
    with pytest.raises(UnknownTemplate):
        store.templates.replace(added)
    assert store.templates.all() == []


def test_an_id_is_never_given_again(store):
    first = store.templates.add(template())
    store.templates.delete(str(first.id))
    assert store.templates.add(template()).id > first.id


def test_of_processes_that_add_the_same_name_one_succeeds(url):
    command = [sys.executable, "-m", "tests.store.working", "add_template", url, "same"]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    ends = [process.communicate(timeout=120) for process in started]
    assert [end[1] for end in ends] == ["", ""]
    words = [end[0].split() for end in ends]
    assert all(len(word) == 20 for word in words)
    for one, other in zip(*words, strict=True):
        assert sorted([one, other]) == ["NameTaken", "added"]
