# SPDX-License-Identifier: Apache-2.0
"""Extra variables on the command line."""

from __future__ import annotations

import contextlib
import json
import shlex

import pytest
import typer
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forge_events.cli.extra_vars import fields_of
from forge_events.values import plain

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="="), min_size=1).filter(
    lambda name: not name.startswith(("@", "{", "["))
)
OBJECTS = st.dictionaries(
    st.text(min_size=1),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, st.text(), min_size=1, max_size=3))
def test_pairs_are_read_as_a_shell_quotes_them(variables):
    quoted = [shlex.quote(f"{name}={value}") for name, value in variables.items()]
    assert fields_of([" ".join(quoted)]) == {"extra_vars": variables}
    assert fields_of(quoted) == {"extra_vars": variables}


@settings(deadline=None)
@given(OBJECTS)
def test_json_objects_are_read_whole(variables):
    assume("_ansible_no_log" not in repr(variables))  # what hides a result hides anything
    assert fields_of([json.dumps(variables)]) == {"extra_vars": variables}


@settings(deadline=None)
@given(OBJECTS.map(lambda found: json.loads(json.dumps(found))))
def test_yaml_objects_are_read_whole(variables):
    text = yaml.safe_dump(variables, default_flow_style=True, allow_unicode=True)
    assert fields_of([text]) == {"extra_vars": plain(yaml.safe_load(text))}


@settings(deadline=None)
@given(st.lists(st.text() | st.text(max_size=40).map("{{{}".format), max_size=4))
def test_any_words_give_fields_or_are_refused(words):
    with contextlib.suppress(typer.BadParameter):
        assert set(fields_of(words)) <= {"extra_vars", "extra_vars_files"}


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ([], {}),
        ([""], {"extra_vars": {}}),
        (["a=1 b='x y' c=d=e f="], {"extra_vars": {"a": "1", "b": "x y", "c": "d=e", "f": ""}}),
        (["a=1", "a=2"], {"extra_vars": {"a": "2"}}),
        (["@vars.yml", "@/more.yml"], {"extra_vars_files": ["vars.yml", "/more.yml"]}),
        (["a=1", "@vars.yml", '{"a": null}'], {"extra_vars": {"a": None}, "extra_vars_files": ["vars.yml"]}),
        (["{a: yes, b: 2020-01-02, 3: [x]}"], {"extra_vars": {"a": True, "b": "2020-01-02", "3": ["x"]}}),
        (['  {"a": 1}'], {"extra_vars": {"a": 1}}),
        (['{"a": NaN}'], {"extra_vars": {"a": "nan"}}),
    ],
)
def test_words_become_fields(words, fields):
    assert fields_of(words) == fields


@pytest.mark.parametrize(
    "word",
    [
        *("a", "a=1 b", "=1", "a='", "@", "[1]", "{a", "{a: &x [*x]}, {", "{a: !!int ''}", "{a: !!timestamp x}"),
        *("{a: !vault x}", "{" * 100_000, '{"a":' * 100_000, "{a: 2020-99-99}", "{a: " + "9" * 10_000 + "}"),
    ],
)
def test_what_is_wrong_is_told_without_any_of_it(word):
    with pytest.raises(typer.BadParameter) as refused:
        fields_of([word])
    assert refused.value.param_hint == "--extra-vars"
    assert word not in refused.value.message or len(word) < 3
    assert refused.value.__cause__ is None


def bomb(parts: str) -> str:
    """Return a few lines of YAML that say billions of things: each names the one before nine times."""
    lines = [f"a0: &a0 {parts}"]
    for number in range(1, 10):
        inner = ", ".join([f"*a{number - 1}"] * 9)
        lines.append(f"a{number}: &a{number} " + (f"{{<<: [{inner}]}}" if parts.startswith("{") else f"[{inner}]"))
    return "{" + ", ".join(lines) + "}"


@pytest.mark.parametrize(
    "word",
    [
        bomb("[lol]"),
        bomb("{x: lol}"),
        "{a: &a [*a]}",
        "{a: &a {b: *a}}",
        "{a: " * 5000,
        '{"a": ' * 5000,
        "{a: " + "9" * 5000 + "}",
        "{a: 1" + ":59" * 5000 + "}",
        "{a: !!python/object/apply:os.system [ls]}",
    ],
    ids=range(9),
)
def test_what_is_larger_than_it_looks_is_refused_at_once(word):
    with pytest.raises(typer.BadParameter, match="it is no JSON or YAML object"):
        fields_of([word])


def test_a_value_may_be_named_and_used_again():
    assert fields_of(["{a: &a [1, {b: 2}], c: *a}"]) == {"extra_vars": {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}}
