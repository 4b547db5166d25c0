# SPDX-License-Identifier: Apache-2.0
"""What may be written of any value."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_events.values import CENSORED, MAX_DEPTH, censor_result, cut, is_no_log, is_plain, plain


class Loud(str):
    __slots__ = ()

    def __str__(self):
        raise AssertionError("a value was asked for its text")

    __repr__ = __str__


class Unknown:
    def __str__(self):
        raise AssertionError("a value was asked for its text")

    __repr__ = __str__


class Vaulted(Unknown):
    _ciphertext = "cipher"


class Lazy(dict):
    def items(self):
        raise AssertionError("a value was templated")

    def __iter__(self):
        raise AssertionError("a value was templated")

    def __getitem__(self, key):
        raise AssertionError("a value was templated")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Loud("text"), "text"),
        (b"\xffa\x00", "\\xffa\x00"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (dt.date(2024, 2, 29), "2024-02-29"),
        ((1, {2}), [1, [2]]),
        ({1: "a", None: "b", 2.5: "c", b"d": "e"}, {"1": "a", "null": "b", "2.5": "c", "d": "e"}),
        (Unknown(), "<Unknown>"),
        (Vaulted(), "<vaulted>"),
        (Lazy(a=1), {"a": 1}),
        ("\ud800\x00", "\ud800\x00"),
    ],
)
def test_a_value_becomes_json(value, expected):
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)


def test_nesting_is_kept_to_its_depth_and_marked_beyond():
    value: object = "bottom"
    for _ in range(200):
        value = [value]
    assert plain(value) == value
    for _ in range(MAX_DEPTH):
        value = {"a": value}
    assert "<dict>" in json.dumps(plain(value)) or "<list>" in json.dumps(plain(value))


def test_a_value_that_holds_itself_is_marked():
    value: list[object] = [1]
    value.append(value)
    assert plain(value) == [1, "<list>"]


@pytest.mark.parametrize("flag", [True, "{{ still a template }}", "False", 1])
def test_what_is_marked_no_log_is_censored_wherever_it_is(flag):
    hidden = {"_ansible_no_log": flag, "changed": True, "stdout": "hush", "attempts": 2, "rc": 3}
    assert plain({"results": [hidden]}) == {"results": [{"censored": CENSORED, "changed": True, "attempts": 2}]}


@pytest.mark.parametrize("flag", [False, None, 0])
def test_what_is_not_marked_no_log_is_kept(flag):
    assert plain({"_ansible_no_log": flag, "a": 1}) == {"_ansible_no_log": flag, "a": 1}
    assert not is_no_log(flag)


@pytest.mark.parametrize("value", [{}, {"a": [1, 2.5, None, True, "text", {"b": []}]}])
def test_a_value_that_is_plain_already_is_known(value):
    assert is_plain(value)
    assert plain(value) == value


@pytest.mark.parametrize("part", [Loud("text"), Unknown(), Vaulted(), Lazy(a=1), (1,), b"bytes", {Loud("key"): 1}])
def test_a_value_that_holds_anything_else_is_not_plain(part):
    assert not is_plain({"a": [{"b": part}]})


def test_a_censored_result_keeps_only_flags_and_counts():
    assert censor_result({"changed": False, "failed": "hush", "msg": "hush"}) == {
        "censored": CENSORED,
        "changed": False,
    }
    assert censor_result(None) == {"censored": CENSORED}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=60,
)


@given(JSON, st.integers(200, 4000))
@settings(max_examples=300, deadline=None)
def test_a_value_is_cut_to_about_its_limit(value, limit):
    value = plain(value)
    found = cut(value, limit)
    size = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size <= limit // 2:
        assert found == value
    assert len(json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")) <= max(3 * limit, size)


def test_the_largest_values_are_cut_and_the_small_ones_stay():
    found = cut({"changed": True, "stdout": "x" * 100_000, "rc": 0, "lines": ["y" * 10] * 9}, 5000)
    assert (found["changed"], found["rc"], found["lines"]) == (True, 0, ["y" * 10] * 9)
    assert found["stdout"].startswith("xxx") and found["stdout"].endswith("characters>")
    assert len(json.dumps(found)) < 6000


def test_a_long_list_of_small_values_loses_its_end():
    found = cut(list(range(100_000)), 5000)
    assert found[:3] == [0, 1, 2] and found[-1].startswith("<cut: ") and len(json.dumps(found)) < 5000
