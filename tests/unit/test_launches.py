# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_events.arguments import command_of
from forge_events.errors import FieldNotAsked, InvalidLaunch
from forge_events.launches import ASKABLE, FIELDS, Launch, impact_of
from forge_events.templates import JobTemplate
from forge_events.variables import is_reserved

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
LISTS = st.lists(TEXTS, max_size=3)
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, st.lists, max_leaves=5)
VARIABLES = st.dictionaries(TEXTS.filter(lambda name: not is_reserved(name)), VALUES, max_size=3)
WORDS = TEXTS.filter(lambda text: not text.startswith("-"))
LIMITS = st.lists(st.text("abz019_.*~", min_size=1), min_size=1).map(",!".join)
FIELD_VALUES = {
    "playbook": WORDS,
    "project": st.none() | TEXTS.map("/{}".format),
    "inventory": st.lists(WORDS, max_size=3),
    "inventory_id": st.none() | st.integers(1, 10**6),
    "inventory_content": VARIABLES,
    "extra_vars": VARIABLES,
    "untrusted_vars": VARIABLES,
    "extra_vars_files": LISTS,
    "limit": st.none() | LIMITS,
    "limit_hosts": st.just([]),
    "tags": st.lists(WORDS, max_size=3),
    "skip_tags": st.lists(WORDS, max_size=3),
    "forks": st.none() | st.integers(1, 10_000),
    "check": st.booleans(),
    "diff": st.booleans(),
    "verbosity": st.integers(0, 6),
    "timeout": st.none() | st.floats(0.1, 10**8),
    "execution_environment": st.none() | WORDS,
    "node": st.none() | TEXTS,
    "host_count": st.none() | st.integers(0, 10**6),
}
LAUNCHES = st.fixed_dictionaries(FIELD_VALUES).map(lambda fields: Launch.of(**fields))
SOME_FIELDS = st.fixed_dictionaries({}, optional={name: FIELD_VALUES[name] for name in ASKABLE})


def test_every_field_is_tried():
    assert set(FIELD_VALUES) == set(FIELDS)


@settings(deadline=None)
@given(LAUNCHES, st.sets(st.sampled_from(ASKABLE)), SOME_FIELDS)
def test_a_template_never_changes_a_field_that_is_not_asked(launch, ask, fields):
    template = JobTemplate(name="t", launch=launch, ask=sorted(ask), created=NOW, modified=NOW)
    if not set(fields) <= ask:
        with pytest.raises(FieldNotAsked):
            template.launched(**fields)
        return
    found = template.launched(**fields)
    for name in FIELDS:
        if name == "untrusted_vars":
            assert found.untrusted_vars == {**launch.untrusted_vars, **fields.get("extra_vars", {})}
        elif name == "extra_vars":
            assert found.extra_vars == launch.extra_vars
        else:
            assert getattr(found, name) == fields.get(name, getattr(launch, name))


@settings(deadline=None)
@given(LAUNCHES)
def test_the_values_of_extra_variables_are_in_no_command(launch):
    variables = {"name": "geheim", "deep": [{"x": "geheim"}]}
    secret = launch.changed(extra_vars=variables, untrusted_vars=variables, inventory_content=variables)
    assert not any("geheim" in word for word in command_of(secret))


def test_a_command_says_all_that_ansible_is_told():
    launch = Launch.of(
        playbook="site.yml",
        project="/srv",
        inventory=["hosts", "a,b"],
        extra_vars={"a": 1},
        extra_vars_files=["vars.yml"],
        limit="web",
        tags=["a", "b"],
        skip_tags=["c"],
        forks=7,
        check=True,
        diff=True,
        verbosity=3,
    )
    assert command_of(launch) == [
        *("ansible-playbook", "-i", "hosts", "-i", "a,b", "-e", "@vars.yml", "-e", "********", "-l", "web"),
        *("-t", "a,b", "--skip-tags", "c", "-f", "7", "-C", "-D", "-vvv", "site.yml"),
    ]
    assert command_of(Launch.of(playbook="site.yml")) == ["ansible-playbook", "site.yml"]


@pytest.mark.parametrize(
    ("fields", "impact"),
    [
        ({}, 2),
        ({"inventory": ["hosts"]}, 6),
        ({"inventory": ["hosts"], "forks": 20}, 21),
        ({"inventory": ["hosts"], "forks": 20, "host_count": 3}, 4),
        ({"inventory": ["a,b,", "b,c"]}, 4),
    ],
)
def test_the_impact_is_that_of_hosts_or_forks(fields, impact):
    assert impact_of(Launch.of(playbook="site.yml", **fields)) == impact


@pytest.mark.parametrize("make", [Launch.of, lambda **fields: JobTemplate.of(name="t", launch=fields)])
def test_what_is_wrong_is_told_without_its_value(make):
    with pytest.raises(InvalidLaunch) as found:
        make(playbook="site.yml", extra_vars=["geheim"])
    assert "geheim" not in str(found.value)
    assert found.value.field.endswith("extra_vars")


@pytest.mark.parametrize("value", [object(), datetime.date(2020, 1, 1), b"x", float("nan"), {1: 2}, ["a", {"b": {1}}]])
def test_extra_variables_are_of_the_types_of_json(value):
    with pytest.raises(InvalidLaunch) as found:
        Launch.of(playbook="site.yml", extra_vars={"a": value})
    assert found.value.field.startswith("extra_vars.a")


def test_a_template_asks_only_for_what_there_is():
    with pytest.raises(InvalidLaunch, match="a launch has no field 'colour' to ask for"):
        JobTemplate.of(name="t", launch=Launch.of(playbook="a"), ask=["colour"], created=NOW, modified=NOW)
