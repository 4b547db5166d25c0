# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import inspect
import re

import pytest

from forge_events import errors
from forge_events.errors import ForgeEventsError

EXAMPLES = [
    errors.UnknownJob("x"),
    errors.UnknownJob("latest"),
    errors.AmbiguousJob("abcd", ["abcd1", "abcd2"]),
    errors.InvalidTransition(1, "new", "successful"),
    errors.StaleTransition(1, "new", "running"),
    errors.BrokenSpool("/x\ny", "it is empty"),
    errors.StoreUnavailable("/x", "the disk is full"),
    errors.StoreBusy("/x", "others keep it locked"),
    errors.ValueRejected("/x", "bigint out of range"),
    errors.UnsupportedStore("mysql://h"),
    errors.UnsupportedStore("postgresql://h", "the driver is missing"),
    errors.SchemaMismatch("/x", "0001", ["0001", "0002"]),
    errors.SchemaMismatch("/x", "0009", ["0001", "0002"]),
    errors.InvalidSettings("FORGE_EVENTS_HOME", "no"),
    errors.NodeAtWork("x", "process 4711 works there"),
    errors.CommandNotFound("nope", "no such file"),
]


def kinds():
    found = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, ForgeEventsError)]
    assert len(found) > 10
    return found


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_is_one_sentence_of_its_facts(error):
    assert "\n" not in str(error)
    facts = [fact for fact in vars(error).values() if isinstance(fact, (str, int)) and fact != "latest"]
    assert facts or str(error) == "no job has been recorded yet"
    assert all(str(fact) in str(error) or repr(fact) in str(error) for fact in facts)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ("none", "the database /x has no tables yet; `forge-events db upgrade` makes them"),
        ("0001", "the database /x has the older schema 0001; `forge-events db upgrade` makes it 0002"),
        ("another", "the database /x is that of another program"),
    ],
)
def test_a_wrong_schema_says_what_to_do(found, sentence):
    assert str(errors.SchemaMismatch("/x", found, ["0001", "0002"])) == sentence


@pytest.mark.parametrize("kind", kinds())
def test_the_tree_in_the_docstring_has_every_error_with_its_exit_code(kind):
    tree = dict(re.findall(r"(\w+) {2,}(\d+)", errors.__doc__))
    assert tree[kind.__name__] == str(kind.exit_code)
    assert kind.__doc__
    assert kind.__name__ in errors.__all__


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind is not ForgeEventsError])
def test_an_exit_code_is_neither_success_nor_a_bug(kind):
    assert kind.exit_code not in (0, 1)
    # What cannot be launched or recur like that is a command line that cannot be understood.
    assert (kind.exit_code == 2) == issubclass(kind, (errors.InvalidLaunch, errors.InvalidRecurrence))


def test_the_tree_has_nothing_else():
    assert set(re.findall(r"(\w+) {2,}\d+", errors.__doc__)) == {kind.__name__ for kind in kinds()}
